//! Changes and look-ups of an account that concern several tables at once.

pub(super) mod changes;
mod export;
pub(super) mod login_state;
pub(super) mod registration;
pub(super) mod second_factor;
