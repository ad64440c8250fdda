use super::{Auth, AuthError};
use crate::db::DbError;
use crate::domain::{SessionId, SessionInfo, SessionPublicId, SessionScope, SessionUser};

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

/// A part of a user's sessions.
#[derive(Debug)]
pub struct SessionPage {
    /// The valid sessions, newest first.
    pub sessions: Vec<SessionInfo>,
    /// The last session of the page, where there may be more behind it.
    pub next: Option<SessionPublicId>,
}

impl Auth {
    /// A page of the valid sessions of the user who is logged in, newest first, at most `limit`
    /// from the one after `after` on. Blocks for two look-ups.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn sessions(
        &self,
        session_id: &SessionId,
        after: Option<SessionPublicId>,
        limit: u32,
    ) -> Result<SessionPage, AuthError> {
        let user = self.logged_in(session_id)?;
        let current = session_id.digest();
        let mut sessions = self.db.sessions_of(user.id, Some(&current), after, limit)?;
        let is_full = u32::try_from(sessions.len()).is_ok_and(|found| found >= limit);
        let next = sessions.last().filter(|_| is_full);
        let next = next.map(|session| session.public_id);
        sessions.retain(|session| session.valid);
        Ok(SessionPage { sessions, next })
    }

    /// Ends one session of whoever is logged in, by its public name. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn end_session(
        &self,
        session_id: &SessionId,
        name: SessionPublicId,
    ) -> Result<Named, AuthError> {
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
    pub(super) fn logged_in(&self, session_id: &SessionId) -> Result<SessionUser, AuthError> {
        self.session_user(session_id)?.ok_or(AuthError::NotLoggedIn)
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
