//! Sessions: finding their user, listing them, and ending them.

use super::audit::Event;
use super::{Auth, AuthError};
use crate::db::{DbError, LoginSideEffects, NewSession, SessionError, UserChanges};
use crate::domain::{
    Client, NormalizedEmail, SessionEnd, SessionId, SessionInfo, SessionLevel, SessionPublicId,
    SessionScope, SessionUser, User, UserId,
};

/// The session that a user asked to end by its public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedSession {
    /// The session of the request. It has ended.
    Current,
    /// Another session of the same user. It has ended.
    Other,
    /// The user has no such session.
    NotYours,
}

/// A page of a user's sessions.
#[derive(Debug)]
pub struct SessionPage {
    /// The valid sessions, newest first.
    pub sessions: Vec<SessionInfo>,
    /// The last session of the page, if more may follow.
    pub next: Option<SessionPublicId>,
}

impl Auth {
    /// Opens a session for a user without a password, and returns its id. Blocks for one lookup
    /// and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if no user has this email, or the account is disabled.
    pub fn create_session(
        &self,
        email: impl Into<NormalizedEmail>,
    ) -> Result<SessionId, AuthError> {
        let user = self.db.find_user_by(email.into())?;
        let session_id = SessionId::generate();
        let (digest, client) = (session_id.digest(), Client::default());
        let new = NewSession {
            user_id: user.id,
            digest: &digest,
            client: &client,
            level: SessionLevel::Password,
        };
        let added = self
            .db
            .add_session(&new, None, &LoginSideEffects::default());
        let ended = added.map_err(|error| match error {
            SessionError::NoSuchUser
            | SessionError::Disabled
            | SessionError::PasswordReplaced
            | SessionError::SecondFactorRequired => AuthError::NoResultFound,
            SessionError::Db(error) => error.into(),
        })?;
        let (user, session) = (user.id, &digest);
        Event::session_opened(user, session).log(&self.audit, &client);
        Event::log_replaced(user, ended, &self.audit, &client);
        Ok(session_id)
    }

    /// Finds the user of a valid session; none without an id. Blocks for two lookups and writes
    /// nothing: the last use of a session is written in the background, at most once per
    /// [`SessionSettings::touch_after`](crate::domain::SessionSettings).
    ///
    /// # Errors
    /// Only if the database fails. An unknown session is not an error.
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

    /// The id and address of the user of a valid session, for every request. Blocks for one
    /// lookup and writes nothing, as [`Auth::get_user_from_session_id`].
    ///
    /// # Errors
    /// Only if the database fails. An unknown session is not an error.
    pub fn session_user(&self, session_id: &SessionId) -> Result<Option<SessionUser>, AuthError> {
        let digest = session_id.digest();
        match self.db.find_session(&digest) {
            Ok(found) => {
                self.background_writes
                    .record_use(digest, found.last_seen_at);
                Ok(Some(found.user))
            }
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Why a session has ended; none if that is not known. Blocks for one or two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn session_end(&self, session_id: &SessionId) -> Result<Option<SessionEnd>, AuthError> {
        Ok(self.db.session_end(&session_id.digest())?)
    }

    /// Ends all sessions of a user. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if the user does not exist.
    pub fn destroy_session(&self, user_id: UserId) -> Result<(), AuthError> {
        let ended = UserChanges::new().session_id(None);
        self.db.update_user(user_id, &ended)?;
        Event::sessions_ended(user_id).log(&self.audit, &Client::default());
        Ok(())
    }

    /// Ends one session, and returns its user. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if the session is not valid.
    pub fn log_out(&self, session_id: &SessionId, client: &Client) -> Result<UserId, AuthError> {
        let session = &session_id.digest();
        let user = self.db.end_session(session)?;
        Event::logged_out(user, session).log(&self.audit, client);
        Ok(user)
    }

    /// A page of at most `limit` valid sessions of the session's user after `after`, newest
    /// first. Blocks for two lookups.
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
        let sessions = self.db.sessions_of(user.id, Some(&current), after, limit)?;
        let is_full = u32::try_from(sessions.len()).is_ok_and(|found| found >= limit);
        let next = sessions.last().filter(|_| is_full);
        let next = next.map(|session| session.public_id);
        Ok(SessionPage { sessions, next })
    }

    /// Ends one session of the session's user, by its public id. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn end_session(
        &self,
        session_id: &SessionId,
        name: SessionPublicId,
    ) -> Result<EndedSession, AuthError> {
        match self.db.end_session_named(&session_id.digest(), &name) {
            Ok(Some(true)) => Ok(EndedSession::Current),
            Ok(Some(false)) => Ok(EndedSession::Other),
            Ok(None) => Ok(EndedSession::NotYours),
            Err(error) => Err(not_logged_in_or(error)),
        }
    }

    /// Ends sessions of the session's user. Blocks for one write.
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

    /// The user of a session.
    pub(super) fn logged_in(&self, session_id: &SessionId) -> Result<SessionUser, AuthError> {
        self.session_user(session_id)?.ok_or(AuthError::NotLoggedIn)
    }
}

fn not_logged_in_or(error: DbError) -> AuthError {
    AuthError::unless_missing(error, AuthError::NotLoggedIn)
}
