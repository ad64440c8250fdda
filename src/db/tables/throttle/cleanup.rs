//! Removes rows of the table `throttle`, a bounded number in each statement.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;

use crate::db::connection::AnyConnection;
use crate::db::schema::throttle;
use crate::db::{DB, DbError};

/// The statements of one removal on both engines. On PostgreSQL it skips rows that a request has
/// locked, so that removals and requests cannot deadlock.
struct Removal {
    sqlite: &'static str,
    postgres: &'static str,
}

const EXPIRED: Removal = Removal {
    sqlite: "DELETE FROM throttle WHERE key IN \
        (SELECT key FROM throttle WHERE purge_at <= $1 ORDER BY purge_at LIMIT $2)",
    postgres: "DELETE FROM throttle WHERE key = ANY(ARRAY\
        (SELECT key FROM throttle WHERE purge_at <= $1 ORDER BY purge_at LIMIT $2 \
        FOR UPDATE SKIP LOCKED))",
};

// `$1` is the purge time of rows at their limit, which are not removed.
const SURPLUS: Removal = Removal {
    sqlite: "DELETE FROM throttle WHERE key IN \
        (SELECT key FROM throttle WHERE fails >= 0 AND purge_at < $1 \
        ORDER BY fails, purge_at LIMIT $2)",
    postgres: "DELETE FROM throttle WHERE key = ANY(ARRAY\
        (SELECT key FROM throttle WHERE fails >= 0 AND purge_at < $1 \
        ORDER BY fails, purge_at LIMIT $2 \
        FOR UPDATE SKIP LOCKED))",
};

impl DB {
    /// Removes at most `limit` expired rows, and returns how many. Blocks for a lookup, and for a
    /// write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_limits(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        let expired: Option<i64> = self.read(|conn| {
            throttle::table
                .filter(throttle::purge_at.le(now))
                .select(throttle::purge_at)
                .limit(1)
                .get_result(conn)
                .optional()
        })?;
        if expired.is_none() {
            return Ok(0);
        }
        self.remove(&EXPIRED, now, limit)
    }

    /// Removes the `limit` rows with the fewest failures, the earliest to expire first, and
    /// returns how many. Rows at their limit stay.
    ///
    /// To evict a row with `n` failures an attacker has to count `n` failures under as many
    /// other keys as the table has rows: a flood of new keys evicts itself. Blocks for a write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_surplus_limits(&self, limit: u32) -> Result<usize, DbError> {
        self.remove(&SURPLUS, i64::MAX, limit)
    }

    /// The key `step` rows after another one, in the order of keys; none if fewer follow. With it,
    /// a large table is counted in short reads. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn limit_behind(&self, key: Option<&str>, step: u32) -> Result<Option<String>, DbError> {
        self.read(|conn| {
            throttle::table
                .filter(throttle::key.gt(key.unwrap_or_default()))
                .order(throttle::key)
                .select(throttle::key)
                .offset(i64::from(step.max(1)) - 1)
                .limit(1)
                .get_result(conn)
                .optional()
        })
    }

    fn remove(&self, removal: &Removal, time: i64, limit: u32) -> Result<usize, DbError> {
        self.write(|conn| {
            Ok(match conn {
                AnyConnection::Sqlite(conn) => sql_query(removal.sqlite)
                    .bind::<BigInt, _>(time)
                    .bind::<BigInt, _>(i64::from(limit))
                    .execute(conn)?,
                AnyConnection::Postgres(conn) => sql_query(removal.postgres)
                    .bind::<BigInt, _>(time)
                    .bind::<BigInt, _>(i64::from(limit))
                    .execute(conn)?,
            })
        })
    }
}
