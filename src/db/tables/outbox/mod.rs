//! The table `outbox`: queued mails, and the workers' claims on them.
//!
//! Any number of workers on any number of instances take mails from it. A worker claims a mail
//! for a limited time, so that the mail is not lost if the worker dies.

mod dropped;
mod enqueue;
pub(in crate::db) mod priority;

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::throttle::{RateLimited, count_all};
use super::users::owner_of;
use crate::db::connection::AnyConnection;
use crate::db::schema::outbox;
use crate::db::{DB, DbError};
use crate::domain::{LimitCheck, NormalizedEmail, Timestamp, UserId};
use priority::{MailPriority, priority_of};

pub(in crate::db) use enqueue::{
    queue, queue_before, queue_mail_statement, queue_numbered, queue_within,
};

/// The ranges of the index in which mails are due, two for each priority. Each is one seek, which
/// reads no mail that is due later. Rows stamped in the far future by a wrong clock count as due.
fn due_ranges(now: &str, latest: &str) -> impl Iterator<Item = String> {
    MailPriority::ALL.into_iter().flat_map(move |priority| {
        let of_priority = format!("priority = {}", priority.get());
        [
            format!("{of_priority} AND due_at <= {now}"),
            format!("{of_priority} AND due_at > {latest}"),
        ]
    })
}

/// One statement, so that only one of two workers gets a row. On PostgreSQL the second worker
/// waits for the first and then sees that the row is claimed.
fn claim_sql() -> String {
    const FREE: &str = "(claimed_until <= $2 OR claimed_until > $1)";
    let first = |(number, range)| {
        format!(
            "SELECT * FROM (SELECT id, priority, due_at FROM outbox WHERE {range} AND {FREE} \
             ORDER BY due_at, id LIMIT 1) AS due_{number}"
        )
    };
    let firsts: Vec<String> = due_ranges("$2", "$3").enumerate().map(first).collect();
    let firsts = firsts.join(" UNION ALL ");
    format!(
        "UPDATE outbox SET claimed_until = $1, attempts = attempts + 1 \
         WHERE id = (SELECT id FROM ({firsts}) AS due WHERE priority <= $4 \
             ORDER BY priority, due_at, id LIMIT 1) \
         AND {FREE} \
         RETURNING id, user_id, letter, details, created_at, attempts, priority"
    )
}

/// A mail to queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// The mail kind.
    pub kind: &'static str,
    /// The values for its template, in JSON. They contain no token.
    pub details: Option<String>,
    /// Whether it will contain a token. Then it is removed when the user's tokens are revoked.
    pub has_token: bool,
}

/// A mail that is queued only if its rate limits allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitedMail {
    /// The mail.
    pub mail: QueuedMail,
    /// The rate limits of mails of this kind to the address.
    pub budget: Vec<LimitCheck>,
}

/// A mail that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The id of the row.
    pub id: i64,
    /// The recipient; none for a decoy.
    pub user_id: Option<UserId>,
    /// The mail kind.
    pub kind: String,
    /// The values for its template, in JSON.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// How often it was claimed, including this time.
    pub attempts: u32,
    /// Its priority.
    pub priority: MailPriority,
}

/// A queued mail in an operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The id of the row.
    pub id: i64,
    /// The recipient.
    pub user_id: Option<UserId>,
    /// The mail kind.
    pub kind: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the next attempt is due.
    pub due_at: Timestamp,
    /// The number of attempts.
    pub attempts: u32,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "only whether there is a row matters")]
    number: i64,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Text, column_name = letter)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    details: Option<String>,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = BigInt)]
    priority: i64,
}

impl From<ClaimedRow> for ClaimedMail {
    fn from(row: ClaimedRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id.map(UserId::new),
            kind: row.kind,
            details: row.details,
            created_at: Timestamp::from_seconds(row.created_at),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            priority: MailPriority::from_stored(row.priority),
        }
    }
}

/// The outcome of a client's request for a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailRequestOutcome {
    /// The mail is queued for this user.
    Queued(UserId),
    /// No user has the address, and a decoy is queued.
    QueuedDecoy,
    /// The account of the address is disabled, and a decoy is queued.
    Disabled(UserId),
    /// The rate limit of mails to the address is reached.
    OverBudget,
    /// The client is over a rate limit.
    Limited(RateLimited),
}

impl DB {
    /// Queues a mail to the user with this email, if `limit` and the budget of the address allow
    /// it; for an unknown address, a decoy by the same statements. Mails that a known client
    /// (with one of `marks`) requests have priority. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is queued or counted.
    pub fn queue_mail_for(
        &self,
        email: &NormalizedEmail,
        mail: &RateLimitedMail,
        limit: &[LimitCheck],
        marks: &[String],
    ) -> Result<MailRequestOutcome, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, limit, now)? {
                return Ok(MailRequestOutcome::Limited(limited));
            }
            let user_id = owner_of(conn, email)?;
            let priority = priority_of(conn, user_id, marks, now)?;
            let is_queued = queue_before(conn, user_id, mail, priority, now)?;
            Ok(match user_id {
                _ if !is_queued => MailRequestOutcome::OverBudget,
                Some(user_id) if priority == MailPriority::Decoy => {
                    MailRequestOutcome::Disabled(user_id)
                }
                Some(user_id) => MailRequestOutcome::Queued(user_id),
                None => MailRequestOutcome::QueuedDecoy,
            })
        })
    }

    /// Claims the mail that is due for the longest time among those of the highest priority, and
    /// of at least the priority `lowest`. No other worker gets it for `lease`. A mail that is due
    /// in more than `longest_wait` counts as due. Blocks for a lookup, and for a write if a mail
    /// is due.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn claim_mail(
        &self,
        lease: Duration,
        longest_wait: Duration,
        lowest: MailPriority,
    ) -> Result<Option<ClaimedMail>, DbError> {
        dropped::DROPPED.look();
        let now = self.settings.clock.now();
        if !self.has_due_mail(now, now.plus(longest_wait))? {
            return Ok(None);
        }
        self.write(|conn| {
            let query = sql_query(claim_sql())
                .bind::<BigInt, _>(now.plus(lease).seconds())
                .bind::<BigInt, _>(now.seconds())
                .bind::<BigInt, _>(now.plus(longest_wait).seconds())
                .bind::<BigInt, _>(lowest.get());
            let row: Option<ClaimedRow> = match conn {
                AnyConnection::Sqlite(conn) => query.get_result(conn).optional()?,
                AnyConnection::Postgres(conn) => query.get_result(conn).optional()?,
            };
            Ok(row.map(ClaimedMail::from))
        })
    }

    /// Whether a mail is due. Reads only, because the outbox is usually empty.
    fn has_due_mail(&self, now: Timestamp, latest: Timestamp) -> Result<bool, DbError> {
        let exists = |range| format!("EXISTS (SELECT 1 FROM outbox WHERE {range})");
        let exists: Vec<String> = due_ranges("$1", "$2").map(exists).collect();
        let query = format!(
            "SELECT CAST(1 AS BIGINT) AS number WHERE {}",
            exists.join(" OR ")
        );
        let due: Option<DueRow> = self.read(|conn| {
            let query = sql_query(query.as_str())
                .bind::<BigInt, _>(now.seconds())
                .bind::<BigInt, _>(latest.seconds());
            match conn {
                AnyConnection::Sqlite(conn) => query.get_result(conn).optional(),
                AnyConnection::Postgres(conn) => query.get_result(conn).optional(),
            }
        })?;
        Ok(due.is_some())
    }

    /// Removes a mail from the outbox, unless another worker has claimed it since. Blocks for one
    /// write.
    ///
    /// # Errors
    /// Only if the database fails; then the mail will be sent again.
    pub fn finish_mail(&self, mail: &ClaimedMail) -> Result<(), DbError> {
        self.write(|conn| {
            let row = outbox::table
                .filter(outbox::id.eq(mail.id))
                .filter(outbox::attempts.eq(i64::from(mail.attempts)));
            diesel::delete(row).execute(conn)?;
            Ok(())
        })
    }

    /// Ends the claim on a mail and makes it due after `wait`. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then the mail is due when the claim ends.
    pub fn postpone_mail(&self, mail: &ClaimedMail, wait: Duration) -> Result<(), DbError> {
        let due = self.settings.clock.now().plus(wait).seconds();
        self.write(|conn| {
            let row = outbox::table
                .filter(outbox::id.eq(mail.id))
                .filter(outbox::attempts.eq(i64::from(mail.attempts)));
            diesel::update(row)
                .set((outbox::due_at.eq(due), outbox::claimed_until.eq(0)))
                .execute(conn)?;
            Ok(())
        })
    }

    /// A page of the queued mails, oldest first: at most `limit`, from the one after `after` on.
    /// Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn waiting_mails(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<OutboxEntry>, DbError> {
        type Row = (i64, Option<i64>, String, i64, i64, i64);
        let rows: Vec<Row> = self.read(|conn| {
            outbox::table
                .filter(outbox::id.gt(after.unwrap_or(i64::MIN)))
                .order(outbox::id)
                .select((
                    outbox::id,
                    outbox::user_id,
                    outbox::letter,
                    outbox::created_at,
                    outbox::due_at,
                    outbox::attempts,
                ))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        let waiting = |(id, user_id, kind, created_at, due_at, attempts): Row| OutboxEntry {
            id,
            user_id: user_id.map(UserId::new),
            kind,
            created_at: Timestamp::from_seconds(created_at),
            due_at: Timestamp::from_seconds(due_at),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// Makes all waiting mails due now, and returns how many. Claims stay as they are. Blocks for
    /// one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn retry_mails(&self) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        self.write(|conn| {
            let waiting = outbox::table.filter(outbox::due_at.gt(now));
            Ok(diesel::update(waiting)
                .set(outbox::due_at.eq(now))
                .execute(conn)?)
        })
    }
}

/// Reads a mail's row within a transaction and writes it unchanged.
pub(in crate::db) fn rewrite_row(
    conn: &mut AnyConnection,
    mail: &ClaimedMail,
) -> Result<(), DbError> {
    ensure_not_revoked(conn, mail)?;
    let row = outbox::table.filter(outbox::id.eq(mail.id));
    diesel::update(row)
        .set(outbox::attempts.eq(i64::from(mail.attempts)))
        .execute(conn)?;
    Ok(())
}

/// Fails within a transaction if the mail is no longer in the outbox, because it was revoked
/// after a worker had claimed it.
pub(in crate::db) fn ensure_not_revoked(
    conn: &mut AnyConnection,
    mail: &ClaimedMail,
) -> Result<(), DbError> {
    let row: Option<i64> = outbox::table
        .filter(outbox::id.eq(mail.id))
        .select(outbox::id)
        .get_result(conn)
        .optional()?;
    row.map(|_| ()).ok_or(DbError::NoResultFound)
}
