//! Rate limits: they apply before every check of a password.
//!
//! A known client of an account has a count of its own. All other clients share the account's
//! count, and each has to pass the limits of its network and subnet first. So an attacker who
//! guesses passwords can lock the owner out on new devices only. An unknown account is counted
//! like any other.

mod ip_limits;
mod login_attempt;
mod mail_limits;
mod reservation;

use super::{Auth, AuthError};
use crate::domain::NormalizedEmail;
pub(super) use crate::domain::ThrottleSettings;
pub(super) use ip_limits::{LOGIN_IP_LIMITS, PASSKEY_IP_LIMITS, REGISTRATION_IP_LIMITS};
pub(super) use login_attempt::{LoginAttempt, device_mark, marks, refuse_waiting, reserve};
pub use mail_limits::mail_limit_keys;
pub(super) use mail_limits::{
    NOTHING_TOLD, admin_acts, email_changes, mail_budget, notification_budget, reauthentications,
    reset_requests,
};
pub(super) use reservation::Reservation;

impl Auth {
    /// Clears the login limits of an account, for every client. Call it after the owner has set
    /// a new password in some other way. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn clear_limits(&self, email: impl Into<NormalizedEmail>) -> Result<(), AuthError> {
        self.db.clear_limits_for(&email.into())?;
        Ok(())
    }
}
