//! The table `outbox`: mails that are to be sent, and who has them in hand.
//!
//! Any number of workers on any number of instances take rows out of it. One takes a row by
//! a claim that runs out, so that a mail is not lost with the worker that was to send it.

mod dropped;
mod enqueue;
pub(in crate::db) mod priority;

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::throttle::{LimitCheck, RateLimited, count_all};
use super::users::owner_of;
use crate::db::connection::AnyConnection;
use crate::db::schema::outbox;
use crate::db::{DB, DbError};
use crate::domain::{EmailKey, Timestamp, UserId};
use priority::{MailPriority, priority_of};

pub(in crate::db) use enqueue::{queue, queue_before, queue_within, queued};

/// The ranges in which mails of a priority are due, each of which is a seek in the index of
/// priorities: however many mails wait for later, none of them is read. A due time in the far
/// future is that of a clock that was wrong.
fn due_ranges(now: &str, latest: &str) -> impl Iterator<Item = String> {
    MailPriority::ALL.into_iter().flat_map(move |priority| {
        let of_priority = format!("priority = {}", priority.get());
        [
            format!("{of_priority} AND due_at <= {now}"),
            format!("{of_priority} AND due_at > {latest}"),
        ]
    })
}

/// One statement, so that of two workers one gets the row: the second waits for the first on
/// `PostgreSQL`, and then sees that the row is claimed.
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

/// A mail that is to be sent, for a user that the row names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Which letter.
    pub letter: &'static str,
    /// What the letter says, in JSON; nothing that lets anybody in.
    pub details: Option<String>,
    /// Whether it will have a token in it: then it goes when the tokens of its user do.
    pub has_token: bool,
}

/// A mail that is queued if few enough of its kind went to that address of late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetedMail {
    /// The mail.
    pub mail: NewMail,
    /// What it has to pass.
    pub budget: Vec<LimitCheck>,
}

/// A mail in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The row.
    pub id: i64,
    /// Whom it is for; nobody, where the request was for an address without an account.
    pub user_id: Option<UserId>,
    /// Which letter.
    pub letter: String,
    /// What the letter says, in JSON.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// How often it was taken in hand, this time included.
    pub attempts: u32,
    /// Which mails it goes before.
    pub priority: MailPriority,
}

/// A mail that waits, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMail {
    /// The row.
    pub id: i64,
    /// Whom it is for.
    pub user_id: Option<UserId>,
    /// Which letter.
    pub letter: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "that there is a row is all that counts")]
    number: i64,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Text)]
    letter: String,
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
            letter: row.letter,
            details: row.details,
            created_at: Timestamp::from_seconds(row.created_at),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            priority: MailPriority::from_stored(row.priority),
        }
    }
}

/// What became of a mail that a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailRequestOutcome {
    /// It is queued, to this user.
    Queued(UserId),
    /// No user has the address: a decoy is queued.
    QueuedDecoy,
    /// Enough mails went to the address lately.
    OverBudget,
    /// The client is over a limit.
    Limited(RateLimited),
}

impl DB {
    /// Queues a mail to the user with that email, if a limit and the budget of the address allow
    /// it; without such a user, a decoy by the same statements. A mail that a known client (one of
    /// those marks) asks for is sent before others. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is queued or counted.
    pub fn queue_mail_for(
        &self,
        email: &EmailKey,
        mail: &BudgetedMail,
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
                Some(user_id) => MailRequestOutcome::Queued(user_id),
                None => MailRequestOutcome::QueuedDecoy,
            })
        })
    }

    /// Takes a mail in hand, if one is due: of those of the highest priority, and of `lowest`
    /// at least, the one that is due for the longest time. No other worker gets it before
    /// `lease` is over, and no mail waits longer than `longest_wait` for its turn. Blocks for
    /// one write.
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

    /// Without a write: an empty outbox is the rule.
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

    /// Takes a mail out of the outbox, unless another worker has taken it in hand since.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then it will be sent again.
    pub fn finish_mail(&self, mail: &ClaimedMail) -> Result<(), DbError> {
        self.write(|conn| {
            let row = outbox::table
                .filter(outbox::id.eq(mail.id))
                .filter(outbox::attempts.eq(i64::from(mail.attempts)));
            diesel::delete(row).execute(conn)?;
            Ok(())
        })
    }

    /// Puts a mail back, to be sent `wait` later. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then it is due when the claim runs out.
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

    /// The mails that wait, the oldest first, `limit` at the most. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn waiting_mails(&self, limit: u32) -> Result<Vec<WaitingMail>, DbError> {
        type Row = (i64, Option<i64>, String, i64, i64, i64);
        let rows: Vec<Row> = self.read(|conn| {
            outbox::table
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
        let waiting = |(id, user_id, letter, created_at, due_at, attempts): Row| WaitingMail {
            id,
            user_id: user_id.map(UserId::new),
            letter,
            created_at: Timestamp::from_seconds(created_at),
            due_at: Timestamp::from_seconds(due_at),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// Lets all mails be tried now, and tells how many. Those that are being sent are not
    /// disturbed. Blocks for one write.
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

/// Looks at a mail's row within a transaction and writes it as it is.
pub(in crate::db) fn write_again(
    conn: &mut AnyConnection,
    mail: &ClaimedMail,
) -> Result<(), DbError> {
    still_there(conn, mail)?;
    let row = outbox::table.filter(outbox::id.eq(mail.id));
    diesel::update(row)
        .set(outbox::attempts.eq(i64::from(mail.attempts)))
        .execute(conn)?;
    Ok(())
}

/// Fails within a transaction if a mail is not in the outbox any more: then it was revoked
/// while it was in a worker's hands.
pub(in crate::db) fn still_there(
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
