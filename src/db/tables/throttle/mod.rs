//! The table `throttle`: the counts of the rate limits.
//!
//! An attempt is counted by one statement per key, which returns no row if the attempt is over
//! the limit. So simultaneous attempts on any number of instances cannot exceed a limit.

pub(in crate::db) mod admin;
mod cleanup;
mod condition;

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

pub(in crate::db) use condition::Condition;
use condition::user_id_of;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value, as_one, run_all};
use crate::db::schema::throttle;
use crate::db::{DB, DbError};
use crate::domain::{Limit, LimitCheck, LimitKey, LimitRule, Timestamp};

// One text for both engines: SQLite has no LEAST, and PostgreSQL no min with two arguments.
const COUNT_BACKOFF: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at, user_id) \
    SELECT $1, 1, CAST($2 AS BIGINT), CAST($3 AS BIGINT), {user_id} WHERE {condition} \
    ON CONFLICT (key) DO UPDATE SET fails = throttle.fails + 1, user_id = excluded.user_id, \
    next_at = $4 + CASE WHEN throttle.fails + 1 < $5 THEN 0 \
        WHEN throttle.fails + 1 - $5 >= $6 THEN $7 \
        ELSE $8 * (CAST(1 AS BIGINT) << CAST(throttle.fails + 1 - $5 AS INTEGER)) END, \
    purge_at = CASE WHEN throttle.fails + 1 >= $9 THEN CAST($10 AS BIGINT) ELSE $3 END \
    WHERE (throttle.next_at <= $4 OR throttle.next_at > CAST($4 AS BIGINT) + $7) AND throttle.fails < $9 \
    RETURNING fails, next_at";
const COUNT_RATE: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at, user_id) \
    SELECT $1, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT), {user_id} WHERE {condition} \
    ON CONFLICT (key) DO UPDATE SET user_id = excluded.user_id, \
    fails = CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.fails + 1 ELSE 1 END, \
    next_at = $5 + CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.next_at ELSE $3 END, \
    purge_at = $5 + CASE WHEN throttle.next_at > $3 AND throttle.next_at <= $4 \
        THEN throttle.next_at ELSE $3 END \
    WHERE throttle.next_at <= $6 OR throttle.next_at > $4 \
    RETURNING fails, next_at";
const GIVE_BACK_BACKOFF: &str = "\
    UPDATE throttle SET fails = fails - 1, \
    next_at = CASE WHEN next_at = $1 THEN $2 ELSE next_at END, purge_at = $3 \
    WHERE key = $4 AND fails > 0";
const GIVE_BACK_RATE: &str = "\
    UPDATE throttle SET fails = fails - 1, next_at = next_at - $1, purge_at = purge_at - $1 \
    WHERE key = $2 AND fails > 0";

/// The purge time of a row at its limit.
const NEVER: i64 = i64::MAX;

/// An attempt that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit {
    check: LimitCheck,
    at: Timestamp,
    next_at: i64,
    fails: i64,
}

#[cfg(test)]
impl LimitHit {
    /// An example for tests.
    pub(crate) fn sample() -> Self {
        let check = LimitCheck {
            key: LimitKey::logins(&crate::domain::NormalizedEmail::canonical("bob@x.fr")),
            rule: LimitRule::Rate(crate::domain::Rate {
                burst: 1,
                interval: Duration::from_secs(1),
            }),
        };
        let at = Timestamp::from_seconds(0);
        Self {
            check,
            at,
            next_at: 0,
            fails: 1,
        }
    }
}

/// An attempt over a rate limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimited {
    /// The time until the next attempt is allowed.
    pub wait: Duration,
    /// The limit that refuses.
    pub limit: Limit,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// The limit key.
    pub key: LimitKey,
    /// Consecutive failures, or the number within the burst.
    pub fails: u32,
    /// When the next attempt is allowed; for a [`Rate`](crate::domain::Rate), when the whole burst
    /// is.
    pub next_at: Timestamp,
}

impl LimitHit {
    /// The key and the rule by which it was counted.
    #[must_use]
    pub fn limit_check(&self) -> &LimitCheck {
        &self.check
    }

    /// Whether the count has reached its limit with this attempt.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match &self.check.rule {
            LimitRule::Backoff(rule) => self.fails >= i64::from(rule.limit),
            LimitRule::Rate(_) => false,
        }
    }
}

impl LimitRow {
    /// Whether the count is at its limit, so that no attempt is allowed until it is cleared.
    #[must_use]
    pub fn is_at_limit(&self, rule: &LimitRule) -> bool {
        match rule {
            LimitRule::Backoff(rule) => self.fails >= rule.limit,
            LimitRule::Rate(_) => false,
        }
    }

    /// The time until an attempt is allowed. It is never longer than the rule's longest wait, so
    /// that a row stamped in the future by a wrong clock locks no account.
    #[must_use]
    pub fn wait(&self, rule: &LimitRule, now: Timestamp) -> Duration {
        let (due, longest) = match rule {
            LimitRule::Backoff(backoff) if self.is_at_limit(rule) => return backoff.longest_wait,
            LimitRule::Backoff(rule) => (self.next_at, rule.longest_wait),
            LimitRule::Rate(rate) => {
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
    /// The existing rows of some keys. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn limit_rows(&self, keys: &[&LimitKey]) -> Result<Vec<LimitRow>, DbError> {
        self.read(|conn| rows(conn, keys))
    }

    /// Counts one attempt towards all of the limits, or towards none if it is over one of them.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is counted.
    pub fn count_attempt(
        &self,
        checks: &[LimitCheck],
    ) -> Result<Result<Vec<LimitHit>, RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| count_all(conn, checks, now))
    }

    /// Refunds counted attempts. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then they stay counted.
    pub fn refund_hits(&self, counted: &[LimitHit]) -> Result<(), DbError> {
        self.write(|conn| refund(conn, counted))
    }

    /// Clears the counts of some keys, and returns how many. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn clear_limits(&self, keys: &[LimitKey]) -> Result<usize, DbError> {
        self.write(|conn| forget(conn, keys))
    }
}

/// Key, count, and time of the next attempt, as they are stored.
pub(in crate::db) type StoredLimit = (String, i64, i64);

fn rows(conn: &mut AnyConnection, keys: &[&LimitKey]) -> Result<Vec<LimitRow>, DbError> {
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let rows: Vec<StoredLimit> = throttle::table
        .filter(throttle::key.eq_any(keys))
        .select((throttle::key, throttle::fails, throttle::next_at))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(known_row).collect())
}

/// A stored row; none if this program does not know its limit.
pub(in crate::db) fn known_row((key, fails, next_at): StoredLimit) -> Option<LimitRow> {
    Some(LimitRow {
        key: LimitKey::from_stored(key)?,
        fails: u32::try_from(fails).unwrap_or(if fails < 0 { 0 } else { u32::MAX }),
        next_at: Timestamp::from_seconds(next_at),
    })
}

/// Counts one attempt towards all of the limits or none, within a transaction.
pub(in crate::db) fn count_all(
    conn: &mut AnyConnection,
    checks: &[LimitCheck],
    now: Timestamp,
) -> Result<Result<Vec<LimitHit>, RateLimited>, DbError> {
    let counted = count_while_allowed(conn, checks, now, Condition::Always)?;
    let Some(refused) = checks.get(counted.len()) else {
        return Ok(Ok(counted));
    };
    refund(conn, &counted)?;
    let row = rows(conn, &[&refused.key])?.pop();
    let wait = row.map_or(Duration::ZERO, |row| row.wait(&refused.rule, now));
    let limit = refused.key.limit();
    Ok(Err(RateLimited { wait, limit }))
}

/// Counts one attempt towards one limit after the other, if a condition holds, up to the first
/// limit that it exceeds. Returns the counts that it made.
pub(in crate::db) fn count_while_allowed(
    conn: &mut AnyConnection,
    checks: &[LimitCheck],
    now: Timestamp,
    condition: Condition,
) -> Result<Vec<LimitHit>, DbError> {
    let rows: Vec<(i64, i64)> = match conn {
        AnyConnection::Sqlite(conn) => {
            let mut rows = Vec::with_capacity(checks.len());
            for check in checks {
                let statement = count::<(BigInt, BigInt)>(check, now, condition);
                match statement.get_result(conn).optional()? {
                    Some(row) => rows.push(row),
                    None => break,
                }
            }
            rows
        }
        AnyConnection::Postgres(_) if checks.is_empty() => Vec::new(),
        AnyConnection::Postgres(conn) => {
            let statements = checks.iter().enumerate().map(|(number, check)| {
                let before = number.checked_sub(1).map(Condition::After);
                count(check, now, before.unwrap_or(condition))
            });
            as_one::<(BigInt, BigInt)>(statements.collect(), counted_rows).load(conn)?
        }
    };
    let counted = |(check, (fails, next_at)): (&LimitCheck, (i64, i64))| LimitHit {
        check: check.clone(),
        at: now,
        next_at,
        fails,
    };
    Ok(checks.iter().zip(rows).map(counted).collect())
}

/// The query for the results of several counting statements, in their order.
fn counted_rows(count: usize) -> String {
    let rows = |number| format!("SELECT {number} AS place, fails, next_at FROM s{number}");
    let rows: Vec<String> = (0..count).map(rows).collect();
    let rows = rows.join(" UNION ALL ");
    format!("SELECT fails, next_at FROM ({rows}) AS counted ORDER BY place")
}

/// The statement that counts an attempt towards one limit, if the condition and the limit allow
/// it.
fn count<R>(check: &LimitCheck, now: Timestamp, condition: Condition) -> Statement<R> {
    let key = Value::text(check.key.as_str());
    let (sql, mut values) = match &check.rule {
        LimitRule::Backoff(rule) => {
            let forgotten_at = if rule.limit <= 1 {
                NEVER
            } else {
                now.plus(rule.memory).seconds()
            };
            let numbers = [
                now.plus(rule.wait_after(1)).seconds(),
                forgotten_at,
                now.seconds(),
                i64::from(rule.free),
                i64::from(rule.doublings()),
                seconds(rule.longest_wait),
                seconds(rule.first_wait),
                i64::from(rule.limit),
                NEVER,
            ];
            (COUNT_BACKOFF, Value::after(key, numbers))
        }
        LimitRule::Rate(rate) => {
            let numbers = [
                now.plus(rate.interval).seconds(),
                now.seconds(),
                now.plus(rate.span()).seconds(),
                seconds(rate.interval),
                now.plus(rate.span()).minus(rate.interval).seconds(),
            ];
            (COUNT_RATE, Value::after(key, numbers))
        }
    };
    let condition = condition.sql(&mut values);
    let sql = sql.replace("{condition}", &condition);
    let user_id = user_id_of(&check.key, &mut values);
    Statement::new(sql.replace("{user_id}", &user_id), values)
}

fn refund(conn: &mut AnyConnection, counted: &[LimitHit]) -> Result<(), DbError> {
    let refunds = counted.iter().map(refund_statement).collect();
    Ok(run_all(refunds, conn)?)
}

/// The statement that refunds one attempt.
pub(in crate::db) fn refund_statement(counted: &LimitHit) -> Statement {
    let LimitHit {
        check,
        at,
        next_at,
        fails: _,
    } = counted;
    match &check.rule {
        LimitRule::Backoff(rule) => Statement::new(
            GIVE_BACK_BACKOFF,
            [
                Value::number(*next_at),
                Value::number(at.seconds()),
                Value::number(at.plus(rule.memory).seconds()),
                Value::text(check.key.as_str()),
            ],
        ),
        LimitRule::Rate(rate) => Statement::new(
            GIVE_BACK_RATE,
            [
                Value::number(seconds(rate.interval)),
                Value::text(check.key.as_str()),
            ],
        ),
    }
}

/// The statement that clears the counts of some keys.
pub(in crate::db) fn forget_limits_statement(keys: &[LimitKey]) -> Statement {
    let mut values = Vec::new();
    let keys = keys.iter().map(|key| key.as_str().to_owned());
    let keys = Statement::<()>::list(&mut values, keys);
    Statement::new(
        format!("DELETE FROM throttle WHERE key IN ({keys})"),
        values,
    )
}

fn forget(conn: &mut AnyConnection, keys: &[LimitKey]) -> Result<usize, DbError> {
    let keys: Vec<&str> = keys.iter().map(LimitKey::as_str).collect();
    let rows = throttle::table.filter(throttle::key.eq_any(keys));
    Ok(diesel::delete(rows).execute(conn)?)
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}
