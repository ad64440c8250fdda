//! What is asked of the database as a whole: whether it can be used, and what may go.

use data_encoding::HEXLOWER;
use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::migrations::{self, Standing};
use super::schema::{sessions, users};
use super::{DB, DbError, Unavailable, sqlite};
use crate::domain::Timestamp;

impl DB {
    /// Whether the database answers, can be written, and has the schema of this program.
    /// Blocks for a round trip or a few, and for the pool's patience where it does not answer.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] with the reason.
    pub fn check(&self) -> Result<(), DbError> {
        if let Some(cause) = self.file.damage() {
            return Err(Unavailable::Damaged(cause).into());
        }
        if self.storage.is_read_only() {
            return Err(Unavailable::NotWritable.into());
        }
        // After a write that the disk refused only a write tells that it is over.
        let proof = self.storage.refuses();
        let standing = self.storage.during(proof, || {
            self.transaction(None, |conn| {
                if proof {
                    migrations::write_nothing_new(conn)?;
                }
                Ok(migrations::standing(conn)?)
            })
        });
        let standing = standing.inspect_err(|error| self.file.learn(error))?;
        match standing {
            Standing::Current => Ok(()),
            Standing::Older(_) | Standing::Newer(_) => Err(Unavailable::Schema.into()),
        }
    }

    /// Drops the statistics that an `ANALYZE` by hand has left in a SQLite file: those of a small
    /// table would make the planner scan it when it has grown. Blocks for a look-up, and for a
    /// write if there are any.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn drop_planner_statistics(&self) -> Result<(), DbError> {
        let there = self.read(|conn| match conn {
            AnyConnection::Sqlite(conn) => sqlite::has_statistics(conn),
            AnyConnection::Postgres(_) => Ok(false),
        })?;
        if !there {
            return Ok(());
        }
        self.write(|conn| match conn {
            AnyConnection::Sqlite(conn) => Ok(sqlite::drop_statistics(conn)?),
            AnyConnection::Postgres(_) => Ok(()),
        })
    }

    /// Removes sessions that have expired, among the `limit` that are due for cleanup first.
    /// Those that were used since are due again when they would end now. Returns how many it
    /// looked at. One transaction; blocks for it.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_sessions(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now();
        let due: Vec<DueSession> = self.read(|conn| {
            sessions::table
                .filter(sessions::cleanup_at.le(now.seconds()))
                .order(sessions::cleanup_at)
                .select((
                    sessions::digest,
                    sessions::user_id,
                    sessions::last_seen_at,
                    sessions::expires_at,
                ))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if due.is_empty() {
            return Ok(0);
        }
        let idle = self.settings.sessions.idle;
        let ends_at = |session: &DueSession| {
            let idle_at = Timestamp::from_seconds(session.last_seen_at).plus(idle);
            idle_at.seconds().min(session.expires_at)
        };
        let (expired, used): (Vec<_>, Vec<_>) = due
            .iter()
            .partition(|session| ends_at(session) <= now.seconds());
        let owners: Vec<i64> = expired.iter().map(|session| session.user_id).collect();
        let digests: Vec<&[u8]> = expired
            .iter()
            .map(|session| session.digest.as_slice())
            .collect();
        let hex: Vec<String> = digests
            .iter()
            .map(|digest| HEXLOWER.encode(digest))
            .collect();
        let idle_since = now.minus(idle).seconds();
        self.write(|conn| {
            // The users' rows first: the order of locks that every change of sessions keeps.
            let mirrors = users::table
                .filter(users::id.eq_any(&owners))
                .filter(users::session_id.eq_any(&hex));
            diesel::update(mirrors)
                .set(users::session_id.eq(None::<String>))
                .execute(conn)?;
            // A session that was used in the meantime stays.
            let expired = sessions::table
                .filter(sessions::digest.eq_any(&digests))
                .filter(
                    sessions::expires_at
                        .le(now.seconds())
                        .or(sessions::last_seen_at.le(idle_since)),
                );
            diesel::delete(expired).execute(conn)?;
            for session in &used {
                let row = sessions::table.filter(sessions::digest.eq(&session.digest));
                diesel::update(row)
                    .set(sessions::cleanup_at.eq(ends_at(session)))
                    .execute(conn)?;
            }
            Ok(due.len())
        })
    }
}

/// A session at which cleanup looks.
#[derive(Queryable)]
struct DueSession {
    digest: Vec<u8>,
    user_id: i64,
    last_seen_at: i64,
    expires_at: i64,
}
