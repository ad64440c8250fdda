//! The table `sessions`, as the owner of some of them looks after it.

use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::schema::{sessions, users};
use super::sessions::{mirror, mirror_newest};
use super::{DB, DbError};
use crate::domain::{OpenSession, PublicId, SessionDigest, SessionScope, Timestamp, UserId};

#[derive(Queryable)]
struct SessionRow {
    digest: String,
    public_id: String,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl DB {
    /// All sessions that are held of a user, newest first, also those that have expired and
    /// are not removed yet. `current` is the one that asks. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn sessions_of(
        &self,
        user_id: UserId,
        current: Option<&SessionDigest>,
    ) -> Result<Vec<OpenSession>, DbError> {
        let valid = self.validity();
        let rows: Vec<SessionRow> = self.read(|conn| {
            sessions::table
                .filter(sessions::user_id.eq(user_id.get()))
                .order((
                    sessions::created_at.desc(),
                    sessions::last_seen_at.desc(),
                    sessions::public_id,
                ))
                .select((
                    sessions::digest,
                    sessions::public_id,
                    sessions::created_at,
                    sessions::last_seen_at,
                    sessions::expires_at,
                    sessions::ip,
                    sessions::user_agent,
                ))
                .load(conn)
        })?;
        let open = |row: SessionRow| OpenSession {
            current: current.is_some_and(|digest| digest.as_str() == row.digest),
            valid: valid.holds(row.created_at, row.last_seen_at, row.expires_at),
            public_id: row.public_id,
            created_at: Timestamp::from_seconds(row.created_at),
            last_seen_at: Timestamp::from_seconds(row.last_seen_at),
            expires_at: Timestamp::from_seconds(row.expires_at),
            ip: row.ip,
            user_agent: row.user_agent,
        };
        Ok(rows.into_iter().map(open).collect())
    }

    /// Ends the session of that name, if it is one of the user whose session `by` is, and
    /// tells whether it was `by` itself; none if it is not one of theirs. Blocks for one
    /// write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if `by` is no valid session (any more).
    pub fn end_session_named(
        &self,
        by: &SessionDigest,
        name: &PublicId,
    ) -> Result<Option<bool>, DbError> {
        self.write(|conn| {
            let user_id = self.lock_owner(conn, by)?;
            let named = sessions::table
                .filter(sessions::user_id.eq(user_id.get()))
                .filter(sessions::public_id.eq(name.to_string()));
            let ended: Option<String> = diesel::delete(named)
                .returning(sessions::digest)
                .get_result(conn)
                .optional()?;
            mirror_newest(conn, user_id)?;
            Ok(ended.map(|digest| digest == by.as_str()))
        })
    }

    /// Ends sessions of the user whose session `by` is. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if `by` is no valid session (any more).
    pub fn end_sessions(&self, by: &SessionDigest, scope: SessionScope) -> Result<(), DbError> {
        self.write(|conn| {
            let user_id = self.lock_owner(conn, by)?;
            let all = sessions::table.filter(sessions::user_id.eq(user_id.get()));
            match scope {
                SessionScope::All => diesel::delete(all).execute(conn)?,
                SessionScope::Others => {
                    diesel::delete(all.filter(sessions::digest.ne(by.as_str()))).execute(conn)?
                }
            };
            mirror_newest(conn, user_id)
        })
    }

    /// Ends all sessions of a user, or of everybody, and tells how many there were. Blocks for
    /// one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn end_all_sessions(&self, user_id: Option<UserId>) -> Result<usize, DbError> {
        self.write(|conn| {
            let nobody = users::session_id.eq(None::<String>);
            let Some(user_id) = user_id else {
                diesel::update(users::table).set(nobody).execute(conn)?;
                return Ok(diesel::delete(sessions::table).execute(conn)?);
            };
            mirror(conn, user_id, None)?;
            let ended = sessions::table.filter(sessions::user_id.eq(user_id.get()));
            Ok(diesel::delete(ended).execute(conn)?)
        })
    }

    /// The user of a valid session, whose row is locked from here on. The session is looked at
    /// again under the lock: somebody may have ended it while this waited.
    fn lock_owner(
        &self,
        conn: &mut AnyConnection,
        digest: &SessionDigest,
    ) -> Result<UserId, DbError> {
        let user_id = self.owner(conn, digest)?;
        mirror(conn, user_id, None)?;
        self.owner(conn, digest)
    }

    /// The user of a valid session.
    pub(super) fn owner(
        &self,
        conn: &mut AnyConnection,
        digest: &SessionDigest,
    ) -> Result<UserId, DbError> {
        let user_id: Option<i64> = sessions::table
            .filter(self.validity().holds_for(digest))
            .select(sessions::user_id)
            .get_result(conn)
            .optional()?;
        user_id.map(UserId::new).ok_or(DbError::NoResultFound)
    }
}
