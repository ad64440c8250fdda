//! Sessions: the user of one, logouts, and the end of all sessions of a user.

use super::events::Event;
use super::{Auth, AuthError};
use crate::db::{DbError, LoginSideEffects, NewSession, UserChanges};
use crate::domain::{Client, EmailKey, SessionId, SessionLevel, SessionUser, User, UserId};

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
}
