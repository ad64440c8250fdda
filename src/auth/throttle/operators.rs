use super::ThrottleSettings;
use crate::auth::{Auth, AuthError};
use crate::db::DB;
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

/// Removes one batch of what means nothing any more, and tells whether that was all.
pub(in crate::auth) fn tidy(db: &DB, settings: &ThrottleSettings, batch: u32) -> bool {
    let removed = [
        db.remove_old_guesses(batch, settings.rows),
        db.remove_forgotten_clients(batch),
    ];
    removed
        .into_iter()
        .fold(true, |all, removed| match removed {
            Ok(removed) => all && removed < batch as usize,
            Err(error) => {
                log::log!(
                    error.background_level(),
                    "old counts of guesses are not removed: {error}"
                );
                all
            }
        })
}
