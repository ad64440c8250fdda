//! Guessing of passwords is slowed down here, in front of every way to authenticate.
//!
//! A client from which the account's owner has logged in before is counted by itself; all
//! others share the account's count, after those of their own network and site. So whoever
//! guesses at an account keeps its owner out nowhere but on new devices. An account that is
//! not there is counted like any other.

mod admin;
mod ip_limits;
mod login_attempt;
mod mail_keys;
mod mail_limits;
mod reservation;
mod settings;

pub(super) use ip_limits::Networks;
pub(super) use login_attempt::{LoginAttempt, marks, refuse_waiting, take};
pub use mail_keys::mail_limit_keys;
pub(super) use mail_limits::{
    email_changes, mail_budget, notification_budget, reauthentications, reset_requests,
};
pub(super) use reservation::Reservation;
pub use settings::ThrottleSettings;
