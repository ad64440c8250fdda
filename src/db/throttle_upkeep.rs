//! What operators and housekeeping do with the table `throttle`.

use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::schema::{known_clients, throttle};
use super::throttle::known_rows;
use super::{DB, DbError, LimitRow};
use crate::domain::{EmailKey, LimitKey};

impl DB {
    /// The rows that still count, the ones with the most failures first, `limit` at the
    /// most. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn list_guesses(&self, limit: u32) -> Result<Vec<LimitRow>, DbError> {
        let now = self.settings.clock.now().seconds();
        let rows: Vec<(String, i64, i64)> = self.read(|conn| {
            throttle::table
                .filter(throttle::purge_at.gt(now))
                .filter(throttle::fails.gt(0))
                .order((throttle::fails.desc(), throttle::purge_at.desc()))
                .select((throttle::key, throttle::fails, throttle::next_at))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        Ok(known_rows(rows))
    }

    /// Forgets all guesses at an account, by known clients too. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forget_guesses_at(&self, email: &EmailKey) -> Result<usize, DbError> {
        self.write(|conn| forget_at(conn, email))
    }

    /// Forgets all guesses. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forget_all_guesses(&self) -> Result<usize, DbError> {
        self.write(|conn| Ok(diesel::delete(throttle::table).execute(conn)?))
    }

    /// Removes clients that are known no longer, `limit` at the most, and tells how many.
    /// Blocks for a write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_forgotten_clients(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        let batch: Vec<(i64, String)> = self.read(|conn| {
            known_clients::table
                .filter(known_clients::expires_at.le(now))
                .select((known_clients::user_id, known_clients::mark))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if batch.is_empty() {
            return Ok(0);
        }
        let (users, marks): (Vec<i64>, Vec<String>) = batch.into_iter().unzip();
        self.write(|conn| {
            let gone = known_clients::table
                .filter(known_clients::expires_at.le(now))
                .filter(known_clients::user_id.eq_any(&users))
                .filter(known_clients::mark.eq_any(&marks));
            Ok(diesel::delete(gone).execute(conn)?)
        })
    }
}

/// Forgets all guesses at an account, within a transaction.
pub(super) fn forget_at(conn: &mut AnyConnection, email: &EmailKey) -> Result<usize, DbError> {
    let keys = [LimitKey::account(email), LimitKey::logins(email)];
    let keys = keys.each_ref().map(LimitKey::as_str);
    let [first, end] = LimitKey::known_range(email);
    // Not LIKE: neither engine serves that from the index of the keys.
    let known = throttle::key.ge(&first).and(throttle::key.lt(&end));
    let rows = throttle::table.filter(throttle::key.eq_any(keys).or(known));
    Ok(diesel::delete(rows).execute(conn)?)
}
