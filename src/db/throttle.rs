//! The table `throttle`: how many guesses were made, by whom and at whom.
//!
//! Each guess is one statement a key, which counts it if it is allowed and gives no row back
//! if it is not: of guesses that come together, on any number of instances, not one more
//! passes.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::any_connection::AnyConnection;
use super::schema::throttle;
use super::{DB, DbError};
use crate::domain::{Backoff, Rate, Rule, ThrottleKey, Timestamp};

// One text for both engines, so without min and LEAST. SQLite numbers the parameters in the
// order in which they first come.
const COUNT_BACKOFF: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ($1, 1, $2, $3) \
    ON CONFLICT (key) DO UPDATE SET fails = throttle.fails + 1, \
    next_at = $4 + CASE WHEN throttle.fails + 1 < $5 THEN 0 \
        WHEN throttle.fails + 1 - $5 >= $6 THEN $7 \
        ELSE $8 * (CAST(1 AS BIGINT) << CAST(throttle.fails + 1 - $5 AS INTEGER)) END, \
    purge_at = CASE WHEN throttle.fails + 1 >= $9 THEN $10 ELSE $3 END \
    WHERE (throttle.next_at <= $4 OR throttle.next_at > $4 + $7) AND throttle.fails < $9 \
    RETURNING fails, next_at";
const COUNT_RATE: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ($1, 1, $2, $2) \
    ON CONFLICT (key) DO UPDATE SET \
    fails = CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.fails + 1 ELSE 1 END, \
    next_at = $5 + CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.next_at ELSE $3 END, \
    purge_at = $5 + CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.next_at ELSE $3 END \
    WHERE throttle.next_at <= $4 - $5 OR throttle.next_at > $4 \
    RETURNING fails, next_at";
const GIVE_BACK_BACKOFF: &str = "\
    UPDATE throttle SET fails = fails - 1, \
    next_at = CASE WHEN next_at = $1 THEN $2 ELSE next_at END, purge_at = $3 \
    WHERE key = $4 AND fails > 0";
const GIVE_BACK_RATE: &str = "\
    UPDATE throttle SET fails = fails - 1, next_at = next_at - $1, purge_at = purge_at - $1 \
    WHERE key = $2 AND fails > 0";

/// When a row that is at its limit is removed.
const NEVER: i64 = i64::MAX;

/// What a guess is counted by, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// By what.
    pub key: ThrottleKey,
    /// How.
    pub rule: Rule,
}

/// A guess that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    charge: Charge,
    at: Timestamp,
    next_at: i64,
    fails: i64,
}

/// A guess that is not allowed, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// The wait.
    pub wait: Duration,
    /// The kind of the count that is at its limit.
    pub limit: String,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleRow {
    /// What is counted by.
    pub key: ThrottleKey,
    /// Failures in a row, or how many came within the burst.
    pub fails: u32,
    /// When the next is due; for a [`Rate`], when the whole burst is.
    pub next_at: Timestamp,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    fails: i64,
    #[diesel(sql_type = BigInt)]
    next_at: i64,
}

impl Counted {
    /// By what it was counted.
    #[must_use]
    pub fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Whether there is no further guess after it until this is forgotten.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match &self.charge.rule {
            Rule::Backoff(rule) => self.fails >= i64::from(rule.limit),
            Rule::Rate(_) => false,
        }
    }
}

impl ThrottleRow {
    /// Whether there is no further guess until this is forgotten.
    #[must_use]
    pub fn is_at_limit(&self, rule: &Rule) -> bool {
        match rule {
            Rule::Backoff(rule) => self.fails >= rule.limit,
            Rule::Rate(_) => false,
        }
    }

    /// How long a guess has to wait; nothing if it is allowed. Never longer than the rule's
    /// longest wait: a row from a future that was none keeps nobody out.
    #[must_use]
    pub fn wait(&self, rule: &Rule, now: Timestamp) -> Duration {
        let (due, longest) = match rule {
            Rule::Backoff(backoff) if self.is_at_limit(rule) => return backoff.longest_wait,
            Rule::Backoff(rule) => (self.next_at, rule.longest_wait),
            Rule::Rate(rate) => {
                let due = self.next_at.minus(rate.span()).plus(rate.interval);
                (due, rate.interval)
            }
        };
        let wait = u64::try_from(due.seconds().saturating_sub(now.seconds())).unwrap_or(0);
        Some(Duration::from_secs(wait))
            .filter(|wait| *wait <= longest)
            .unwrap_or_default()
    }
}

impl DB {
    /// The rows of some keys, as far as there are any. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn throttle_rows(&self, keys: &[&ThrottleKey]) -> Result<Vec<ThrottleRow>, DbError> {
        self.read(|conn| rows(conn, keys))
    }

    /// Counts one guess by all of the charges, or by none if one of them does not allow it.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is counted.
    pub fn count_guess(
        &self,
        charges: &[Charge],
    ) -> Result<Result<Vec<Counted>, Limited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| count_all(conn, charges, now))
    }

    /// Takes guesses out of the count again. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then they stay counted.
    pub fn give_back_guesses(&self, counted: &[Counted]) -> Result<(), DbError> {
        self.write(|conn| give_back(conn, counted))
    }

    /// Forgets what was counted by some keys. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forget_guesses(&self, keys: &[ThrottleKey]) -> Result<usize, DbError> {
        self.write(|conn| forget(conn, keys))
    }
}

fn rows(conn: &mut AnyConnection, keys: &[&ThrottleKey]) -> Result<Vec<ThrottleRow>, DbError> {
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let rows: Vec<(String, i64, i64)> = throttle::table
        .filter(throttle::key.eq_any(keys))
        .select((throttle::key, throttle::fails, throttle::next_at))
        .load(conn)?;
    Ok(rows.into_iter().map(ThrottleRow::from).collect())
}

impl From<(String, i64, i64)> for ThrottleRow {
    fn from((key, fails, next_at): (String, i64, i64)) -> Self {
        Self {
            key: ThrottleKey::from_stored(key),
            fails: u32::try_from(fails).unwrap_or(if fails < 0 { 0 } else { u32::MAX }),
            next_at: Timestamp::from_seconds(next_at),
        }
    }
}

/// Counts by all of the charges or by none, within a transaction.
pub(super) fn count_all(
    conn: &mut AnyConnection,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Result<Vec<Counted>, Limited>, DbError> {
    let mut counted = Vec::with_capacity(charges.len());
    for charge in charges {
        let Some(Row { fails, next_at }) = count(conn, charge, now)? else {
            give_back(conn, &counted)?;
            let row = rows(conn, &[&charge.key])?.pop();
            let wait = row.map_or(Duration::ZERO, |row| row.wait(&charge.rule, now));
            let limit = charge.key.kind().to_owned();
            return Ok(Err(Limited { wait, limit }));
        };
        counted.push(Counted {
            charge: charge.clone(),
            at: now,
            next_at,
            fails,
        });
    }
    Ok(Ok(counted))
}

fn count(
    conn: &mut AnyConnection,
    charge: &Charge,
    now: Timestamp,
) -> Result<Option<Row>, DbError> {
    Ok(match &charge.rule {
        Rule::Backoff(rule) => count_backoff(conn, &charge.key, rule, now)?,
        Rule::Rate(rate) => count_rate(conn, &charge.key, rate, now)?,
    })
}

fn count_backoff(
    conn: &mut AnyConnection,
    key: &ThrottleKey,
    rule: &Backoff,
    now: Timestamp,
) -> QueryResult<Option<Row>> {
    let forgotten_at = if rule.limit <= 1 {
        NEVER
    } else {
        now.plus(rule.memory).seconds()
    };
    let query = sql_query(COUNT_BACKOFF)
        .bind::<Text, _>(key.as_str())
        .bind::<BigInt, _>(now.plus(rule.wait_after(1)).seconds())
        .bind::<BigInt, _>(forgotten_at)
        .bind::<BigInt, _>(now.seconds())
        .bind::<BigInt, _>(i64::from(rule.free))
        .bind::<BigInt, _>(i64::from(rule.doublings()))
        .bind::<BigInt, _>(seconds(rule.longest_wait))
        .bind::<BigInt, _>(seconds(rule.first_wait))
        .bind::<BigInt, _>(i64::from(rule.limit))
        .bind::<BigInt, _>(NEVER);
    match conn {
        AnyConnection::Sqlite(conn) => query.get_result(conn).optional(),
        AnyConnection::Postgres(conn) => query.get_result(conn).optional(),
    }
}

fn count_rate(
    conn: &mut AnyConnection,
    key: &ThrottleKey,
    rate: &Rate,
    now: Timestamp,
) -> QueryResult<Option<Row>> {
    let query = sql_query(COUNT_RATE)
        .bind::<Text, _>(key.as_str())
        .bind::<BigInt, _>(now.plus(rate.interval).seconds())
        .bind::<BigInt, _>(now.seconds())
        .bind::<BigInt, _>(now.plus(rate.span()).seconds())
        .bind::<BigInt, _>(seconds(rate.interval));
    match conn {
        AnyConnection::Sqlite(conn) => query.get_result(conn).optional(),
        AnyConnection::Postgres(conn) => query.get_result(conn).optional(),
    }
}

pub(super) fn give_back(conn: &mut AnyConnection, counted: &[Counted]) -> Result<(), DbError> {
    for Counted {
        charge,
        at,
        next_at,
        fails: _,
    } in counted
    {
        match &charge.rule {
            Rule::Backoff(rule) => {
                let query = sql_query(GIVE_BACK_BACKOFF)
                    .bind::<BigInt, _>(*next_at)
                    .bind::<BigInt, _>(at.seconds())
                    .bind::<BigInt, _>(at.plus(rule.memory).seconds())
                    .bind::<Text, _>(charge.key.as_str());
                match conn {
                    AnyConnection::Sqlite(conn) => query.execute(conn)?,
                    AnyConnection::Postgres(conn) => query.execute(conn)?,
                }
            }
            Rule::Rate(rate) => {
                let query = sql_query(GIVE_BACK_RATE)
                    .bind::<BigInt, _>(seconds(rate.interval))
                    .bind::<Text, _>(charge.key.as_str());
                match conn {
                    AnyConnection::Sqlite(conn) => query.execute(conn)?,
                    AnyConnection::Postgres(conn) => query.execute(conn)?,
                }
            }
        };
    }
    Ok(())
}

pub(super) fn forget(conn: &mut AnyConnection, keys: &[ThrottleKey]) -> Result<usize, DbError> {
    let keys: Vec<&str> = keys.iter().map(ThrottleKey::as_str).collect();
    let rows = throttle::table.filter(throttle::key.eq_any(keys));
    Ok(diesel::delete(rows).execute(conn)?)
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}
