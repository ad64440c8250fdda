//! Changes of a user's attributes, as in the reference service.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::users;
use crate::db::tables::account_dates::is_disabled;
use crate::db::tables::ended_sessions::end_sessions_of;
use crate::db::tables::pending_logins::end_pending;
use crate::db::tables::sessions::NewSession;
use crate::db::tables::users::changes::UserChanges;
use crate::db::tables::users::taken_or;
use crate::db::{DB, DbError, InvalidRequest};
use crate::domain::{
    Client, Email, ResetTokenDigest, SessionDigest, SessionEnd, SessionLevel, UserId,
};

#[derive(AsChangeset)]
#[diesel(table_name = users)]
#[expect(
    clippy::option_option,
    reason = "in Diesel, the outer option is whether to change the column"
)]
struct ChangedColumns {
    email: Option<String>,
    email_key: Option<String>,
    hashed_password: Option<String>,
    session_id: Option<Option<String>>,
    reset_token: Option<Option<String>>,
}

impl From<&UserChanges> for ChangedColumns {
    fn from(changes: &UserChanges) -> Self {
        let UserChanges {
            email,
            hashed_password,
            session_id,
            reset_token,
        } = changes;
        Self {
            email: email.as_ref().map(Email::to_string),
            email_key: email.as_ref().map(|email| email.key().as_str().to_owned()),
            hashed_password: hashed_password
                .as_ref()
                .map(|hash| hash.expose().to_owned()),
            session_id: session_id
                .as_ref()
                .map(|id| id.as_ref().map(SessionDigest::to_hex)),
            reset_token: reset_token
                .as_ref()
                .map(|token| token.as_ref().map(ResetTokenDigest::to_hex)),
        }
    }
}

impl DB {
    /// Changes a user. A new session id replaces all sessions of the user, `None` ends them.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist, or is disabled and would get a
    /// session, [`DbError::InvalidRequest`] if there are no changes, [`DbError::AlreadyExists`] if the new email is taken.
    pub fn update_user(&self, user_id: UserId, changes: &UserChanges) -> Result<(), DbError> {
        if changes.is_empty() {
            return Err(InvalidRequest::NoChanges.into());
        }
        self.write(|conn| {
            diesel::update(users::table.filter(users::id.eq(user_id.get())))
                .set(ChangedColumns::from(changes))
                .returning(users::id)
                .get_result::<i64>(conn)
                .optional()
                .map_err(|error| match &changes.email {
                    Some(email) => taken_or(error, email),
                    None => error.into(),
                })?
                .ok_or(DbError::NoResultFound)?;
            if changes.hashed_password.is_some() || changes.email.is_some() {
                end_pending(conn, user_id)?;
            }
            if let Some(session_id) = &changes.session_id {
                if session_id.is_some() && is_disabled(conn, user_id)? {
                    return Err(DbError::NoResultFound);
                }
                self.replace_sessions(conn, user_id, session_id.as_ref())?;
            }
            Ok(())
        })
    }

    fn replace_sessions(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        session_id: Option<&SessionDigest>,
    ) -> Result<(), DbError> {
        // The first is a login of the library, the second its logout of all sessions.
        let why = match session_id {
            Some(_) => SessionEnd::NewerLogin,
            None => SessionEnd::OtherDevice,
        };
        end_sessions_of(conn, user_id, None, (why, self.settings.clock.now()))?;
        if let Some(digest) = session_id {
            let client = Client::default();
            self.insert_session(
                conn,
                &NewSession {
                    user_id,
                    digest,
                    client: &client,
                    level: SessionLevel::Password,
                },
            )?;
        }
        Ok(())
    }
}
