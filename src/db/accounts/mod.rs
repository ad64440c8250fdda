//! Changes and lookups of an account that concern several tables.

pub(super) mod access;
pub(super) mod administration;
pub(super) mod changes;
mod disable;
mod export;
pub(super) mod export_users;
pub(super) mod import;
pub(super) mod login_state;
pub(super) mod registration;
pub(super) mod second_factor;
pub(super) mod take_back;
mod update;
pub(super) mod user_list;
