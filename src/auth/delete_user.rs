use super::events::Event;
use super::{Auth, AuthError};
use crate::domain::{Client, EmailKey};

impl Auth {
    /// Deletes a user and all that hangs on it, its sessions included. Blocks for one
    /// look-up and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if nobody has that email.
    pub fn delete_user(&self, email: impl Into<EmailKey>) -> Result<(), AuthError> {
        let user = self.db.find_user_by(email.into())?;
        self.db.delete_user(user.id)?;
        Event::UserDeleted { user: user.id }.log(&Client::default());
        Ok(())
    }
}
