//! The table `sessions`: a user's own sessions, listed and ended.

use std::thread;
use std::time::Duration;

use diesel::prelude::*;

use super::{Validity, forget_newest, sync_legacy_columns, sync_newest_session};
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::Value;
use crate::db::schema::sessions;
use crate::db::tables::ended_sessions::{end_sessions_of, note_ends, note_ends_of};
use crate::db::{DB, DbError};
use crate::domain::{
    SessionDigest, SessionEnd, SessionInfo, SessionLevel, SessionPublicId, SessionScope, Timestamp,
    UserId,
};

/// How many sessions of all users end in one transaction, which takes some milliseconds, and the
/// pause after it.
const AT_ONCE: i64 = 250;
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Queryable)]
struct SessionRow {
    digest: Vec<u8>,
    public_id: Vec<u8>,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl DB {
    /// A page of at most `limit` valid sessions of a user after `after`, newest first. `current` is
    /// the session of the request. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn sessions_of(
        &self,
        user_id: UserId,
        current: Option<&SessionDigest>,
        after: Option<SessionPublicId>,
        limit: u32,
    ) -> Result<Vec<SessionInfo>, DbError> {
        let valid = Some(self.validity());
        self.session_page(user_id, valid, current, after, limit)
    }

    /// A page as [`DB::sessions_of`] reads it, also with expired sessions that are not removed yet:
    /// for the export. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn stored_sessions_of(
        &self,
        user_id: UserId,
        current: Option<&SessionDigest>,
        after: Option<SessionPublicId>,
        limit: u32,
    ) -> Result<Vec<SessionInfo>, DbError> {
        self.session_page(user_id, None, current, after, limit)
    }

    fn session_page(
        &self,
        user_id: UserId,
        valid: Option<Validity>,
        current: Option<&SessionDigest>,
        after: Option<SessionPublicId>,
        limit: u32,
    ) -> Result<Vec<SessionInfo>, DbError> {
        let last = after
            .as_ref()
            .map_or([0xff; 16].as_slice(), SessionPublicId::as_bytes);
        let rows: Vec<SessionRow> = self.read(|conn| {
            let mut sessions = sessions::table.into_boxed();
            if let Some(valid) = valid {
                sessions = sessions.filter(valid.holds());
            }
            sessions
                .filter(sessions::user_id.eq(user_id.get()))
                .filter(sessions::public_id.lt(last))
                .order(sessions::public_id.desc())
                .select((
                    sessions::digest,
                    sessions::public_id,
                    sessions::created_at,
                    sessions::last_seen_at,
                    sessions::expires_at,
                    sessions::ip,
                    sessions::user_agent,
                ))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        let info = |row: SessionRow| {
            Some(SessionInfo {
                public_id: SessionPublicId::from_bytes(&row.public_id)?,
                current: current.is_some_and(|digest| digest.as_bytes() == row.digest),
                created_at: Timestamp::from_seconds(row.created_at),
                last_seen_at: Timestamp::from_seconds(row.last_seen_at),
                expires_at: Timestamp::from_seconds(row.expires_at),
                ip: row.ip,
                user_agent: row.user_agent,
            })
        };
        Ok(rows.into_iter().filter_map(info).collect())
    }

    /// Ends a session by its public id, if it belongs to the user of the session `by`. Returns
    /// whether it was `by` itself; none if the user has no such session. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if `by` is not a valid session.
    pub fn end_session_named(
        &self,
        by: &SessionDigest,
        name: &SessionPublicId,
    ) -> Result<Option<bool>, DbError> {
        self.write(|conn| {
            let user_id = self.lock_owner(conn, by)?;
            let now = self.settings.clock.now();
            let bounds = [
                Value::number(user_id.get()),
                Value::Bytes(name.as_bytes().to_vec()),
            ];
            let which = "user_id = $1 AND public_id = $2";
            let why = (SessionEnd::OtherDevice, now);
            note_ends_of(conn, user_id, (which, bounds), why)?;
            let named = sessions::table
                .filter(sessions::user_id.eq(user_id.get()))
                .filter(sessions::public_id.eq(name.as_bytes()));
            let ended: Option<Vec<u8>> = diesel::delete(named)
                .returning(sessions::digest)
                .get_result(conn)
                .optional()?;
            sync_newest_session(conn, user_id)?;
            Ok(ended.map(|digest| digest == by.as_bytes()))
        })
    }

    /// Ends sessions of the user of the session `by`. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if `by` is not a valid session.
    pub fn end_sessions(&self, by: &SessionDigest, scope: SessionScope) -> Result<(), DbError> {
        self.write(|conn| {
            let user_id = self.lock_owner(conn, by)?;
            let kept = match scope {
                SessionScope::All => None,
                SessionScope::Others => Some(by),
            };
            let why = (SessionEnd::OtherDevice, self.settings.clock.now());
            end_sessions_of(conn, user_id, kept, why)?;
            sync_newest_session(conn, user_id)
        })
    }

    /// Ends all sessions of a user, and returns how many there were. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn end_sessions_of_user(&self, user_id: UserId) -> Result<usize, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            sync_legacy_columns(conn, user_id, None)?;
            end_sessions_of(conn, user_id, None, (SessionEnd::Operator, now))
        })
    }

    /// Ends the sessions of all users, and returns how many there were. A session that is opened
    /// meanwhile may end too. Blocks for a short transaction for each 250 sessions; other requests
    /// write in between.
    ///
    /// # Errors
    /// Only if the database fails; then some sessions may have ended.
    pub fn end_all_sessions(&self) -> Result<usize, DbError> {
        let mut ended = 0;
        let mut last = Vec::new();
        loop {
            let sessions: Vec<(Vec<u8>, i64)> = self.read(|conn| {
                sessions::table
                    .filter(sessions::digest.gt(&last))
                    .order(sessions::digest)
                    .select((sessions::digest, sessions::user_id))
                    .limit(AT_ONCE)
                    .load(conn)
            })?;
            let Some((digest, _)) = sessions.last() else {
                return Ok(ended);
            };
            last.clone_from(digest);
            ended += self.end_these(&sessions)?;
            thread::sleep(PAUSE);
        }
    }

    /// Ends sessions of several users, with their digests and users.
    fn end_these(&self, these: &[(Vec<u8>, i64)]) -> Result<usize, DbError> {
        let digests: Vec<&[u8]> = these.iter().map(|(digest, _)| digest.as_slice()).collect();
        let owners: Vec<i64> = these.iter().map(|(_, owner)| *owner).collect();
        let now = self.settings.clock.now();
        self.write(|conn| {
            forget_newest(conn, &owners, &digests)?;
            note_ends(conn, &digests, (SessionEnd::Operator, now))?;
            let ended = sessions::table.filter(sessions::digest.eq_any(&digests));
            Ok(diesel::delete(ended).execute(conn)?)
        })
    }

    /// Locks the row of a valid session's user, and returns the user. Looks the session up again
    /// under the lock, because it may have ended meanwhile.
    fn lock_owner(
        &self,
        conn: &mut AnyConnection,
        digest: &SessionDigest,
    ) -> Result<UserId, DbError> {
        let user = self.owner(conn, digest)?;
        sync_legacy_columns(conn, user.0, None)?;
        Ok(self.owner(conn, digest)?.0)
    }

    /// The user of a valid session, and its level.
    pub(in crate::db) fn owner(
        &self,
        conn: &mut AnyConnection,
        digest: &SessionDigest,
    ) -> Result<(UserId, SessionLevel), DbError> {
        let owner: Option<(i64, i64)> = sessions::table
            .filter(sessions::digest.eq(digest.as_bytes()))
            .filter(self.validity().holds())
            .select((sessions::user_id, sessions::level))
            .get_result(conn)
            .optional()?;
        let (user_id, level) = owner.ok_or(DbError::NoResultFound)?;
        Ok((UserId::new(user_id), SessionLevel::from_stored(level)))
    }
}
