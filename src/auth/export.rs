use super::{Auth, AuthError};
use crate::domain::{KnownClient, OpenSession, SessionId, User};

/// Everything that is held about a user: a field a table.
#[derive(Debug)]
pub struct Export {
    /// The row in `users`.
    pub user: User,
    /// The rows in `sessions`, expired ones that are not removed yet included.
    pub sessions: Vec<OpenSession>,
    /// The rows in `known_clients`.
    pub known_clients: Vec<KnownClient>,
}

impl Auth {
    /// Gathers everything that is held about whoever is logged in. Blocks for a look-up a
    /// table.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn export(&self, session_id: &SessionId) -> Result<Export, AuthError> {
        let user = self.logged_in(session_id)?;
        let sessions = self.db.sessions_of(user.id, Some(&session_id.digest()))?;
        let known_clients = self.db.known_clients_of(user.id)?;
        Ok(Export {
            user,
            sessions,
            known_clients,
        })
    }
}
