//! Sessions: the user of one, logouts, and the end of all sessions of a user.

use super::audit::Event;
use super::{Auth, AuthError};
use crate::db::{DbError, LoginSideEffects, NewSession, UserChanges};
use crate::domain::{
    Client, EmailKey, SessionId, SessionInfo, SessionLevel, SessionPublicId, SessionScope,
    SessionUser, User, UserId,
};

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
    /// Opens a session for a user without asking for the password, and returns its id.
    /// Blocks for one look-up and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if nobody has that email.
    pub fn create_session(&self, email: impl Into<EmailKey>) -> Result<SessionId, AuthError> {
        let user = self.db.find_user_by(email.into())?;
        let session_id = SessionId::generate();
        let (digest, client) = (session_id.digest(), Client::default());
        let new = NewSession {
            user_id: user.id,
            digest: &digest,
            client: &client,
            level: SessionLevel::Password,
        };
        let ended = self
            .db
            .add_session(&new, None, &LoginSideEffects::default())?;
        let (user, session) = (user.id, &digest);
        Event::SessionOpened { user, session }.log(&client);
        Event::sessions_replaced(user, ended, &client);
        Ok(session_id)
    }

    /// Finds the user of a session that is neither ended nor expired; none for no id at all.
    /// Blocks for two look-ups and writes nothing: the last use of a session is written in the
    /// background, at most once in [`SessionRules::touch_after`](crate::db::SessionRules).
    ///
    /// # Errors
    /// Only if the database fails; that is not an unknown session.
    pub fn get_user_from_session_id<'a>(
        &self,
        session_id: impl Into<Option<&'a SessionId>>,
    ) -> Result<Option<User>, AuthError> {
        let Some(session_id) = session_id.into() else {
            return Ok(None);
        };
        let Some(user) = self.session_user(session_id)? else {
            return Ok(None);
        };
        match self.db.find_user_by(user.id) {
            Ok(user) => Ok(Some(user)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The number and address of the user of a valid session: what each request asks. Blocks for
    /// one look-up, and writes as little as [`Auth::get_user_from_session_id`].
    ///
    /// # Errors
    /// Only if the database fails; that is not an unknown session.
    pub fn session_user(&self, session_id: &SessionId) -> Result<Option<SessionUser>, AuthError> {
        let digest = session_id.digest();
        match self.db.find_session(&digest) {
            Ok(found) => {
                self.housekeeping.note_use(digest, found.last_seen_at);
                Ok(Some(found.user))
            }
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends all sessions of a user. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such user.
    pub fn destroy_session(&self, user_id: UserId) -> Result<(), AuthError> {
        let ended = UserChanges::new().session_id(None);
        self.db.update_user(user_id, &ended)?;
        Event::SessionsEnded { user: user_id }.log(&Client::default());
        Ok(())
    }

    /// Ends the session that a client shows, whatever others its user has, and tells whose
    /// it was. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such session (any more).
    pub fn log_out(&self, session_id: &SessionId, client: &Client) -> Result<UserId, AuthError> {
        let session = &session_id.digest();
        let user = self.db.end_session(session)?;
        Event::LoggedOut { user, session }.log(client);
        Ok(user)
    }

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
