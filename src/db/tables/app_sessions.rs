//! The tables `app_sessions` and `hand_over_codes`: logins on the hosts of applications.

use std::time::Duration;

use diesel::prelude::*;

use super::apps::name_at;
use crate::db::connection::AnyConnection;
use crate::db::schema::{app_sessions, hand_over_codes, sessions};
use crate::db::{CLOCK_SLACK, DB, DbError};
use crate::domain::{
    AppLogin, AppName, AppSessionDigest, HandOverDigest, LoginStateDigest, Origin, SessionDigest,
    Timestamp, UserId,
};

/// A code to issue, or one that a browser has sent back.
#[derive(Debug, Clone, Copy)]
pub struct HandOver<'a> {
    /// The digest of the code.
    pub code: &'a HandOverDigest,
    /// The origin of the application.
    pub origin: &'a Origin,
    /// The digest of the cookie in the browser that asked for the login.
    pub state: &'a LoginStateDigest,
}

impl DB {
    /// Stores a code that takes the session to an application. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session is not valid, or no application is
    /// registered at the origin.
    pub fn add_hand_over(
        &self,
        new: &HandOver<'_>,
        session: &SessionDigest,
        lifetime: Duration,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let app = name_at(conn, new.origin)?.ok_or(DbError::NoResultFound)?;
            self.hold_session(conn, session)?;
            diesel::insert_into(hand_over_codes::table)
                .values((
                    hand_over_codes::digest.eq(new.code.as_bytes()),
                    hand_over_codes::app_name.eq(app),
                    hand_over_codes::session_digest.eq(session.as_bytes()),
                    hand_over_codes::state.eq(new.state.as_bytes()),
                    hand_over_codes::created_at.eq(now.seconds()),
                    hand_over_codes::expires_at.eq(now.plus(lifetime).seconds()),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Spends a code, which logs its session in on the host of the application, instead of an older
    /// login there. Returns the user and the application. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the code is not valid for that application and
    /// that browser, or its session has ended.
    pub fn spend_hand_over(
        &self,
        spent: &HandOver<'_>,
        app_session: &AppSessionDigest,
    ) -> Result<(UserId, AppName), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let app = name_at(conn, spent.origin)?.ok_or(DbError::NoResultFound)?;
            let code = hand_over_codes::table
                .filter(hand_over_codes::digest.eq(spent.code.as_bytes()))
                .filter(hand_over_codes::app_name.eq(&app))
                .filter(hand_over_codes::state.eq(spent.state.as_bytes()))
                .filter(hand_over_codes::expires_at.gt(now.seconds()))
                .filter(hand_over_codes::created_at.le(now.plus(CLOCK_SLACK).seconds()));
            let session: Vec<u8> = code
                .select(hand_over_codes::session_digest)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            let session = SessionDigest::from_bytes(&session).ok_or(DbError::NoResultFound)?;
            // Locks the session before the code, as a logout does.
            let user_id = self.hold_session(conn, &session)?;
            // If two requests spend the code at once, the second one deletes nothing.
            if diesel::delete(code).execute(conn)? == 0 {
                return Err(DbError::NoResultFound);
            }
            replace(conn, app_session, &app, &session, now)?;
            Ok((user_id, AppName::from_stored(app)))
        })
    }

    /// The logins on the hosts of applications of a user, for the export. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn app_logins_of(&self, user_id: UserId) -> Result<Vec<AppLogin>, DbError> {
        let rows: Vec<(String, i64)> = self.read(|conn| {
            sessions::table
                .inner_join(app_sessions::table)
                .filter(sessions::user_id.eq(user_id.get()))
                .select((app_sessions::app_name, app_sessions::created_at))
                .load(conn)
        })?;
        let login = |(app, created_at): (String, i64)| AppLogin {
            app: AppName::from_stored(app),
            created_at: Timestamp::from_seconds(created_at),
        };
        Ok(rows.into_iter().map(login).collect())
    }

    /// Locks a valid session until the transaction ends, and returns its user.
    fn hold_session(
        &self,
        conn: &mut AnyConnection,
        session: &SessionDigest,
    ) -> Result<UserId, DbError> {
        let valid = sessions::table
            .filter(sessions::digest.eq(session.as_bytes()))
            .filter(self.validity().holds());
        let user_id: Option<i64> = diesel::update(valid)
            .set(sessions::last_seen_at.eq(sessions::last_seen_at))
            .returning(sessions::user_id)
            .get_result(conn)
            .optional()?;
        user_id.map(UserId::new).ok_or(DbError::NoResultFound)
    }
}

/// Stores the login of a session on the host of an application, instead of an older one.
fn replace(
    conn: &mut AnyConnection,
    app_session: &AppSessionDigest,
    app: &str,
    session: &SessionDigest,
    now: Timestamp,
) -> Result<(), DbError> {
    let older = app_sessions::table
        .filter(app_sessions::app_name.eq(app))
        .filter(app_sessions::session_digest.eq(session.as_bytes()));
    diesel::delete(older).execute(conn)?;
    diesel::insert_into(app_sessions::table)
        .values((
            app_sessions::digest.eq(app_session.as_bytes()),
            app_sessions::app_name.eq(app),
            app_sessions::session_digest.eq(session.as_bytes()),
            app_sessions::created_at.eq(now.seconds()),
        ))
        .execute(conn)?;
    Ok(())
}
