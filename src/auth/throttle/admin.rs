//! Clearing an account's rate limits.

use crate::auth::{Auth, AuthError};
use crate::domain::EmailKey;

impl Auth {
    /// Clears the login limits of an account, for every client. Call it after the owner has set
    /// a new password in some other way. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forgive(&self, email: impl Into<EmailKey>) -> Result<(), AuthError> {
        self.db.forget_guesses_at(&email.into())?;
        Ok(())
    }
}
