//! Clearing an account's rate limits.

use crate::auth::{Auth, AuthError};
use crate::domain::NormalizedEmail;

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
