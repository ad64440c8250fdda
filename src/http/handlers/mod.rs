//! The handlers: each reads a request, calls one use case, and writes the response.

pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod email;
pub(crate) mod export;
pub(crate) mod forward_auth;
pub(crate) mod hand_over;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod ops;
pub(crate) mod passkeys;
pub(crate) mod password_reset;
pub(crate) mod profile;
pub(crate) mod rules;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod users;
