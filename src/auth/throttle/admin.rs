use crate::auth::{Auth, AuthError};
use crate::domain::EmailKey;

impl Auth {
    /// Lets everybody guess at an account anew, after its owner has set another password
    /// by other means. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forgive(&self, email: impl Into<EmailKey>) -> Result<(), AuthError> {
        self.db.forget_guesses_at(&email.into())?;
        Ok(())
    }
}
