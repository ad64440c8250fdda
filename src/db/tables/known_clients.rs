//! The table `known_clients`: devices and networks from which users have logged in.

use diesel::prelude::*;

use super::outbox::{RateLimitedMail, queue_mail_statement};
use super::throttle::{
    Condition, LimitHit, count_while_allowed, forget_limits_statement, refund_statement,
};
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value, run_all};
use crate::db::schema::known_clients;
use crate::db::{DB, DbError};
use crate::domain::{KnownClient, LimitKey, Timestamp, UserId};

/// How many known clients a user may have. Beyond that, the ones with the oldest login are
/// forgotten: a client without cookies is a new device at each login.
const KNOWN_MAX: i64 = 32;

/// The side effects of a successful login, written together with its session.
#[derive(Debug, Clone, Default)]
pub struct LoginSideEffects {
    /// Counts to refund.
    pub refund: Vec<LimitHit>,
    /// Counts to clear.
    pub forget: Vec<LimitKey>,
    /// The marks by which the client becomes known, and until when.
    pub known: Vec<(String, Timestamp)>,
    /// The notification to the owner, sent if the account knows other clients but not this one.
    pub notification: Option<RateLimitedMail>,
}

impl LoginSideEffects {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            refund,
            forget,
            known,
            notification,
        } = self;
        refund.is_empty() && forget.is_empty() && known.is_empty() && notification.is_none()
    }
}

impl DB {
    /// Writes the side effects of a right password without a session. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn record_success(
        &self,
        user_id: UserId,
        side_effects: &LoginSideEffects,
    ) -> Result<(), DbError> {
        self.write(|conn| self.settle(conn, user_id, side_effects))
    }

    pub(in crate::db) fn settle(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        side_effects: &LoginSideEffects,
    ) -> Result<(), DbError> {
        let statements = self.side_effect_statements(conn, user_id, side_effects)?;
        Ok(run_all(statements, conn)?)
    }

    /// The statements that write the side effects. No two of them change the same row.
    pub(in crate::db) fn side_effect_statements(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        side_effects: &LoginSideEffects,
    ) -> Result<Vec<Statement>, DbError> {
        let LoginSideEffects {
            refund,
            forget,
            known,
            notification,
        } = side_effects;
        let now = self.settings.clock.now();
        let mut statements: Vec<_> = refund.iter().map(refund_statement).collect();
        if !forget.is_empty() {
            statements.push(forget_limits_statement(forget));
        }
        if let Some(RateLimitedMail { mail, budget }) = notification {
            let condition = Condition::KnowsAnyClient(user_id);
            let counted = count_while_allowed(conn, budget, now, condition)?;
            if counted.len() == budget.len() {
                statements.push(queue_mail_statement(Some(user_id), mail, now));
            } else {
                statements.extend(counted.iter().map(refund_statement));
            }
        }
        if !known.is_empty() {
            let know = |mark| know_client_statement(user_id, mark, now);
            statements.extend(known.iter().map(know));
            statements.push(forget_surplus_statement(user_id, known));
        }
        Ok(statements)
    }

    /// The marks of all known clients of an account. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn marks_of(&self, user_id: UserId) -> Result<Vec<String>, DbError> {
        self.read(|conn| {
            known_clients::table
                .filter(known_clients::user_id.eq(user_id.get()))
                .select(known_clients::mark)
                .load(conn)
        })
    }

    /// All known clients of an account, the latest login first. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn known_clients_of(&self, user_id: UserId) -> Result<Vec<KnownClient>, DbError> {
        let rows: Vec<(String, i64, i64)> = self.read(|conn| {
            known_clients::table
                .filter(known_clients::user_id.eq(user_id.get()))
                .order((known_clients::succeeded_at.desc(), known_clients::mark))
                .select((
                    known_clients::mark,
                    known_clients::succeeded_at,
                    known_clients::expires_at,
                ))
                .load(conn)
        })?;
        let known = |(mark, logged_in_at, expires_at): (String, i64, i64)| KnownClient {
            // The mark of a network ends with a slash and its length; that of a device is hex.
            network: Some(mark).filter(|mark| mark.contains('/')),
            logged_in_at: Timestamp::from_seconds(logged_in_at),
            expires_at: Timestamp::from_seconds(expires_at),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// Removes at most `limit` expired clients, and returns how many. Blocks for a lookup, and for
    /// a write if there are any.
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

/// The statement that makes a mark known.
fn know_client_statement(
    user_id: UserId,
    (mark, until): &(String, Timestamp),
    now: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO known_clients (user_id, mark, succeeded_at, expires_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, mark) \
         DO UPDATE SET succeeded_at = excluded.succeeded_at, expires_at = excluded.expires_at",
        [
            Value::number(user_id.get()),
            Value::text(mark),
            Value::number(now.seconds()),
            Value::number(until.seconds()),
        ],
    )
}

/// The statement that forgets the oldest clients beyond [`KNOWN_MAX`], but none of the new ones.
fn forget_surplus_statement(user_id: UserId, new: &[(String, Timestamp)]) -> Statement {
    let others = KNOWN_MAX.saturating_sub(i64::try_from(new.len()).unwrap_or(KNOWN_MAX));
    let mut values = vec![Value::number(user_id.get()), Value::number(others)];
    let new = Statement::<()>::list(&mut values, new.iter().map(|(mark, _)| mark.clone()));
    Statement::new(
        format!(
            "DELETE FROM known_clients WHERE user_id = $1 AND mark IN (\
                 SELECT mark FROM known_clients WHERE user_id = $1 AND mark NOT IN ({new}) \
                 ORDER BY succeeded_at DESC, mark LIMIT 1000 OFFSET $2)"
        ),
        values,
    )
}
