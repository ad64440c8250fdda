use super::{Auth, AuthError};
use crate::db::DbError;
use crate::domain::{OpenSession, PublicId, SessionId, SessionScope, User};

/// What a session turned out to be that was named to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The one in which it was named. It has ended.
    Current,
    /// Another one of the same user. It has ended.
    Other,
    /// None of the user's.
    NotYours,
}

impl Auth {
    /// Lists the valid sessions of whoever is logged in, newest first. Blocks for two
    /// look-ups.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn sessions(&self, session_id: &SessionId) -> Result<Vec<OpenSession>, AuthError> {
        let user = self.logged_in(session_id)?;
        let mut sessions = self.db.sessions_of(user.id, Some(&session_id.digest()))?;
        sessions.retain(|session| session.valid);
        Ok(sessions)
    }

    /// Ends one session of whoever is logged in, by its public name. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn end_session(&self, session_id: &SessionId, name: PublicId) -> Result<Named, AuthError> {
        match self.db.end_session_named(&session_id.digest(), &name) {
            Ok(Some(true)) => Ok(Named::Current),
            Ok(Some(false)) => Ok(Named::Other),
            Ok(None) => Ok(Named::NotYours),
            Err(error) => Err(not_logged_in_or(error)),
        }
    }

    /// Ends sessions of whoever is logged in. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn end_sessions(
        &self,
        session_id: &SessionId,
        scope: SessionScope,
    ) -> Result<(), AuthError> {
        self.db
            .end_sessions(&session_id.digest(), scope)
            .map_err(not_logged_in_or)
    }

    /// Who is logged in there.
    pub(super) fn logged_in(&self, session_id: &SessionId) -> Result<User, AuthError> {
        self.get_user_from_session_id(session_id)?
            .ok_or(AuthError::NotLoggedIn)
    }
}

fn not_logged_in_or(error: DbError) -> AuthError {
    match error {
        DbError::NoResultFound => AuthError::NotLoggedIn,
        DbError::AlreadyExists(_)
        | DbError::Unavailable(_)
        | DbError::InvalidRequest(_)
        | DbError::Failed(_) => error.into(),
    }
}
