//! What is asked of the database as a whole: whether it can be used, and what may go.

use diesel::prelude::*;

use super::migrations::{self, Standing};
use super::schema::{sessions, users};
use super::transactions::{in_pooled_transaction, run};
use super::{DB, DbError, Unavailable};
use crate::domain::Timestamp;

impl DB {
    /// Whether the database answers, can be written, and has the schema of this program.
    /// Blocks for a round trip or a few, and for the pool's patience where it does not answer.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] with the reason.
    pub fn check(&self) -> Result<(), DbError> {
        if self.storage.is_read_only() {
            return Err(Unavailable::NotWritable.into());
        }
        // After a write that the disk refused only a write tells that it is over.
        let proof = self.storage.refuses();
        let standing = self.storage.during(proof, || {
            run(&self.writer, self.patience, |conn| {
                in_pooled_transaction(conn, self.settings.pooler, |conn| {
                    if proof {
                        migrations::write_nothing_new(conn)?;
                    }
                    migrations::standing(conn)
                })
                .map_err(DbError::from)
            })
        })?;
        match standing {
            Standing::Current => Ok(()),
            Standing::Older(_) | Standing::Newer(_) => Err(Unavailable::Schema.into()),
        }
    }

    /// Removes sessions that have expired, `limit` at the most, and tells how many. One
    /// transaction; blocks for it.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_sessions(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now();
        let idle_since = now.minus(self.settings.sessions.idle);
        let batch = self.read(|conn| {
            sessions::table
                .filter(expired(now, idle_since))
                .select((sessions::digest, sessions::user_id))
                .limit(i64::from(limit))
                .load::<(String, i64)>(conn)
        })?;
        if batch.is_empty() {
            return Ok(0);
        }
        let (digests, owners): (Vec<String>, Vec<i64>) = batch.into_iter().unzip();
        self.write(|conn| {
            // The users' rows first: the order of locks that every change of sessions keeps.
            let mirrors = users::table
                .filter(users::id.eq_any(&owners))
                .filter(users::session_id.eq_any(&digests));
            diesel::update(mirrors)
                .set(users::session_id.eq(None::<String>))
                .execute(conn)?;
            // One that was used in the meantime stays.
            let gone = sessions::table
                .filter(sessions::digest.eq_any(&digests))
                .filter(expired(now, idle_since));
            Ok(diesel::delete(gone).execute(conn)?)
        })
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn expired(now: Timestamp, idle_since: Timestamp) -> _ {
    let (now, idle_since): (i64, i64) = (now.seconds(), idle_since.seconds());
    sessions::expires_at
        .le(now)
        .or(sessions::last_seen_at.le(idle_since))
}
