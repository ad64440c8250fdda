//! The table `throttle` for operators: listing and clearing limits.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{StoredLimit, forget, known_row};
use crate::db::connection::AnyConnection;
use crate::db::schema::{throttle, users};
use crate::db::{DB, DbError, LimitCheck, LimitRow};
use crate::domain::{Email, LimitKey, LimitRule, NormalizedEmail, Timestamp};

/// A row of the table, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLimit {
    /// The row.
    pub row: LimitRow,
    /// The email of the account that it counts for; none if there was no such account at the last
    /// attempt, or it has another address now.
    pub email: Option<Email>,
}

impl DB {
    /// A page of the rows that still count, by their keys: at most `limit`, from the one after
    /// `after` on. Only the last page is empty. Blocks for two lookups; while a newer version
    /// counts by limits of its own, for one more at each page of those alone.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn limits(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
    ) -> Result<Vec<ListedLimit>, DbError> {
        let now = self.settings.clock.now().seconds();
        let mut after = after.map_or_else(String::new, |key| key.as_str().to_owned());
        loop {
            let rows: Vec<(StoredLimit, Option<i64>)> = self.read(|conn| {
                throttle::table
                    .filter(throttle::key.gt(&after))
                    .filter(throttle::purge_at.gt(now))
                    .filter(throttle::fails.gt(0))
                    .order(throttle::key)
                    .select((
                        (throttle::key, throttle::fails, throttle::next_at),
                        throttle::user_id,
                    ))
                    .limit(i64::from(limit))
                    .load(conn)
            })?;
            let Some(((last, ..), _)) = rows.last() else {
                return Ok(Vec::new());
            };
            after.clone_from(last);
            let users: Vec<i64> = rows.iter().filter_map(|(_, user_id)| *user_id).collect();
            let known = rows.into_iter().filter_map(|(row, _)| known_row(row));
            let known: Vec<_> = known.collect();
            if !known.is_empty() {
                return self.with_emails(known, &users);
            }
        }
    }

    /// Limits with the emails of those of these users whose digests they have. Blocks for one lookup.
    fn with_emails(&self, rows: Vec<LimitRow>, users: &[i64]) -> Result<Vec<ListedLimit>, DbError> {
        let emails: Vec<String> = self.read(|conn| {
            users::table
                .filter(users::id.eq_any(users))
                .select(users::email)
                .load(conn)
        })?;
        let emails = emails.into_iter().map(Email::from_stored);
        let by_digest: HashMap<String, Email> = emails
            .filter_map(|email| {
                let key = LimitKey::account(&email.key());
                Some((key.email_digest()?.to_owned(), email))
            })
            .collect();
        let listed = rows.into_iter().map(|row| {
            let email = row.key.email_digest().and_then(|it| by_digest.get(it));
            let email = email.cloned();
            ListedLimit { row, email }
        });
        Ok(listed.collect())
    }

    /// Clears the login limits of an account, of known clients too. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn clear_limits_for(&self, email: &NormalizedEmail) -> Result<usize, DbError> {
        self.write(|conn| clear_account_limits(conn, email))
    }

    /// Clears all limits. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn clear_all_limits(&self) -> Result<usize, DbError> {
        self.write(|conn| Ok(diesel::delete(throttle::table).execute(conn)?))
    }
}

/// Clears the login limits of an account, within a transaction.
pub(in crate::db) fn clear_account_limits(
    conn: &mut AnyConnection,
    email: &NormalizedEmail,
) -> Result<usize, DbError> {
    let of_account = forget(conn, &[LimitKey::account(email), LimitKey::logins(email)])?;
    let [first, end] = LimitKey::known_range(email);
    // Not LIKE: neither engine uses the index of the keys for it. Not OR with the deletion above:
    // PostgreSQL uses that index for both only by a bitmap scan.
    let known = throttle::table.filter(throttle::key.ge(&first).and(throttle::key.lt(&end)));
    Ok(of_account.saturating_add(diesel::delete(known).execute(conn)?))
}

/// How many attempts an account at its limit gets after its owner has set a new password.
const TRIES_AFTER_RESET: i64 = 10;

/// Allows a few further attempts at each limit that was reached, with its longest wait between
/// them. The rest of the count stays, so that an attacker who reads the owner's mail gains only
/// those.
pub(in crate::db) fn unlock(
    conn: &mut AnyConnection,
    limit: &LimitCheck,
    now: Timestamp,
) -> Result<(), DbError> {
    let LimitRule::Backoff(rule) = &limit.rule else {
        return Ok(());
    };
    let most = i64::from(rule.limit);
    let locked = throttle::table
        .filter(throttle::key.eq(limit.key.as_str()))
        .filter(throttle::fails.ge(most));
    diesel::update(locked)
        .set((
            throttle::fails.eq(most.saturating_sub(TRIES_AFTER_RESET).max(0)),
            throttle::purge_at.eq(now.plus(rule.memory).seconds()),
        ))
        .execute(conn)?;
    Ok(())
}
