//! The table `throttle`: how many guesses were made, by whom and at whom.
//!
//! Each guess is one statement a key, which counts it if it is allowed and returns no row if
//! it is not: of guesses that come together, on any number of instances, not one more passes.

pub(in crate::db) mod admin;
mod cleanup;

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Batch, Statement, Value, as_one};
use crate::db::schema::throttle;
use crate::db::{DB, DbError};
use crate::domain::{Limit, LimitKey, Rule, Timestamp, UserId};

// One text for both engines, so without min and LEAST.
const COUNT_BACKOFF: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at) SELECT $1, 1, CAST($2 AS BIGINT), CAST($3 AS BIGINT) WHERE {condition} \
    ON CONFLICT (key) DO UPDATE SET fails = throttle.fails + 1, \
    next_at = $4 + CASE WHEN throttle.fails + 1 < $5 THEN 0 \
        WHEN throttle.fails + 1 - $5 >= $6 THEN $7 \
        ELSE $8 * (CAST(1 AS BIGINT) << CAST(throttle.fails + 1 - $5 AS INTEGER)) END, \
    purge_at = CASE WHEN throttle.fails + 1 >= $9 THEN CAST($10 AS BIGINT) ELSE $3 END \
    WHERE (throttle.next_at <= $4 OR throttle.next_at > CAST($4 AS BIGINT) + $7) AND throttle.fails < $9 \
    RETURNING fails, next_at";
const COUNT_RATE: &str = "\
    INSERT INTO throttle (key, fails, next_at, purge_at) SELECT $1, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT) WHERE {condition} \
    ON CONFLICT (key) DO UPDATE SET \
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

/// When a guess is counted, if its limit allows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) enum Condition {
    /// In any case.
    Always,
    /// If the statement of this number counted.
    After(usize),
    /// If the account knows a client.
    KnowsAnyClient(UserId),
}

impl Condition {
    /// In SQL, with its value added to those of the statement.
    fn sql(self, values: &mut Vec<Value>) -> String {
        match self {
            Self::Always => "TRUE".to_owned(),
            Self::After(number) => format!("EXISTS (SELECT 1 FROM s{number})"),
            Self::KnowsAnyClient(user_id) => {
                values.push(Value::Number(Some(user_id.get())));
                let id = values.len();
                format!("EXISTS (SELECT 1 FROM known_clients WHERE user_id = ${id})")
            }
        }
    }
}

/// When a row that is at its limit is removed.
const NEVER: i64 = i64::MAX;

/// What a guess is counted by, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitCheck {
    /// By what.
    pub key: LimitKey,
    /// How.
    pub rule: Rule,
}

/// A guess that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit {
    charge: LimitCheck,
    at: Timestamp,
    next_at: i64,
    fails: i64,
}

#[cfg(test)]
impl LimitHit {
    /// One of any kind.
    pub(crate) fn sample() -> Self {
        let charge = LimitCheck {
            key: LimitKey::logins(&crate::domain::EmailKey::canonical("bob@x.fr")),
            rule: Rule::Rate(crate::domain::Rate {
                burst: 1,
                interval: Duration::from_secs(1),
            }),
        };
        let at = Timestamp::from_seconds(0);
        Self {
            charge,
            at,
            next_at: 0,
            fails: 1,
        }
    }
}

/// A guess that is not allowed, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimited {
    /// The wait.
    pub wait: Duration,
    /// The limit that refuses.
    pub limit: Limit,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// What is counted by.
    pub key: LimitKey,
    /// Failures in a row, or how many came within the burst.
    pub fails: u32,
    /// When the next is due; for a [`Rate`](crate::domain::Rate), when the whole burst is.
    pub next_at: Timestamp,
}

impl LimitHit {
    /// By what it was counted.
    #[must_use]
    pub fn charge(&self) -> &LimitCheck {
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

impl LimitRow {
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
    pub fn throttle_rows(&self, keys: &[&LimitKey]) -> Result<Vec<LimitRow>, DbError> {
        self.read(|conn| rows(conn, keys))
    }

    /// Counts one guess by all of the charges, or by none if one of them does not allow it.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is counted.
    pub fn count_guess(
        &self,
        charges: &[LimitCheck],
    ) -> Result<Result<Vec<LimitHit>, RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| count_all(conn, charges, now))
    }

    /// Takes guesses out of the count again. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then they stay counted.
    pub fn refund_hits(&self, counted: &[LimitHit]) -> Result<(), DbError> {
        self.write(|conn| refund(conn, counted))
    }

    /// Forgets what was counted by some keys. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forget_guesses(&self, keys: &[LimitKey]) -> Result<usize, DbError> {
        self.write(|conn| forget(conn, keys))
    }
}

fn rows(conn: &mut AnyConnection, keys: &[&LimitKey]) -> Result<Vec<LimitRow>, DbError> {
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let rows: Vec<(String, i64, i64)> = throttle::table
        .filter(throttle::key.eq_any(keys))
        .select((throttle::key, throttle::fails, throttle::next_at))
        .load(conn)?;
    Ok(known_rows(rows))
}

/// The rows of limits that this program knows.
pub(in crate::db) fn known_rows(rows: Vec<(String, i64, i64)>) -> Vec<LimitRow> {
    rows.into_iter().filter_map(known_row).collect()
}

pub(in crate::db) fn known_row((key, fails, next_at): (String, i64, i64)) -> Option<LimitRow> {
    Some(LimitRow {
        key: LimitKey::from_stored(key)?,
        fails: u32::try_from(fails).unwrap_or(if fails < 0 { 0 } else { u32::MAX }),
        next_at: Timestamp::from_seconds(next_at),
    })
}

/// Counts by all of the charges or by none, within a transaction.
pub(in crate::db) fn count_all(
    conn: &mut AnyConnection,
    charges: &[LimitCheck],
    now: Timestamp,
) -> Result<Result<Vec<LimitHit>, RateLimited>, DbError> {
    let counted = count_while_allowed(conn, charges, now, Condition::Always)?;
    let Some(refused) = charges.get(counted.len()) else {
        return Ok(Ok(counted));
    };
    refund(conn, &counted)?;
    let row = rows(conn, &[&refused.key])?.pop();
    let wait = row.map_or(Duration::ZERO, |row| row.wait(&refused.rule, now));
    let limit = refused.key.limit();
    Ok(Err(RateLimited { wait, limit }))
}

/// Counts by one charge after the other, if a condition holds, up to the first charge that does
/// not allow it. Returns those that were counted.
pub(in crate::db) fn count_while_allowed(
    conn: &mut AnyConnection,
    charges: &[LimitCheck],
    now: Timestamp,
    condition: Condition,
) -> Result<Vec<LimitHit>, DbError> {
    let rows: Vec<(i64, i64)> = match conn {
        AnyConnection::Sqlite(conn) => {
            let mut rows = Vec::with_capacity(charges.len());
            for charge in charges {
                let statement = count::<(BigInt, BigInt)>(charge, now, condition);
                match statement.get_result(conn).optional()? {
                    Some(row) => rows.push(row),
                    None => break,
                }
            }
            rows
        }
        AnyConnection::Postgres(_) if charges.is_empty() => Vec::new(),
        AnyConnection::Postgres(conn) => {
            let statements = charges.iter().enumerate().map(|(number, charge)| {
                let before = number.checked_sub(1).map(Condition::After);
                count(charge, now, before.unwrap_or(condition))
            });
            as_one::<(BigInt, BigInt)>(statements.collect(), counted_rows).load(conn)?
        }
    };
    let counted = |(charge, (fails, next_at)): (&LimitCheck, (i64, i64))| LimitHit {
        charge: charge.clone(),
        at: now,
        next_at,
        fails,
    };
    Ok(charges.iter().zip(rows).map(counted).collect())
}

/// What several counts return, in their order.
fn counted_rows(count: usize) -> String {
    let rows = |number| format!("SELECT {number} AS place, fails, next_at FROM s{number}");
    let rows: Vec<String> = (0..count).map(rows).collect();
    let rows = rows.join(" UNION ALL ");
    format!("SELECT fails, next_at FROM ({rows}) AS counted ORDER BY place")
}

/// Counts by one charge, if a condition holds and the charge allows it.
fn count<R>(charge: &LimitCheck, now: Timestamp, condition: Condition) -> Statement<R> {
    let key = Value::text(charge.key.as_str());
    let (sql, mut values) = match &charge.rule {
        Rule::Backoff(rule) => {
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
        Rule::Rate(rate) => {
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
    Statement::new(sql.replace("{condition}", &condition), values)
}

fn refund(conn: &mut AnyConnection, counted: &[LimitHit]) -> Result<(), DbError> {
    let mut batch = Batch::default();
    batch.extend(counted.iter().map(given_back));
    Ok(batch.run(conn)?)
}

/// Takes one guess out of its count again.
pub(in crate::db) fn given_back(counted: &LimitHit) -> Statement {
    let LimitHit {
        charge,
        at,
        next_at,
        fails: _,
    } = counted;
    match &charge.rule {
        Rule::Backoff(rule) => Statement::new(
            GIVE_BACK_BACKOFF,
            [
                Value::number(*next_at),
                Value::number(at.seconds()),
                Value::number(at.plus(rule.memory).seconds()),
                Value::text(charge.key.as_str()),
            ],
        ),
        Rule::Rate(rate) => Statement::new(
            GIVE_BACK_RATE,
            [
                Value::number(seconds(rate.interval)),
                Value::text(charge.key.as_str()),
            ],
        ),
    }
}

/// Forgets what was counted by some keys.
pub(in crate::db) fn forgotten(keys: &[LimitKey]) -> Statement {
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
