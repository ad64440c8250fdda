//! Queues mails, within a transaction of the caller.

use diesel::prelude::*;

use super::dropped::DROPPED;
use super::priority::{MailPriority, last_in_room, priority_of};
use super::{QueuedMail, RateLimitedMail};
use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::outbox;
use crate::db::tables::throttle::count_all;
use crate::domain::{Timestamp, UserId};

/// Queues a mail within a transaction, with the priority of its user's address.
pub(in crate::db) fn queue(
    conn: &mut AnyConnection,
    user_id: Option<UserId>,
    mail: &QueuedMail,
    now: Timestamp,
) -> Result<(), DbError> {
    let statement = queue_mail_statement(user_id, mail, now);
    let rows = match conn {
        AnyConnection::Sqlite(conn) => statement.execute(conn)?,
        AnyConnection::Postgres(conn) => statement.execute(conn)?,
    };
    if rows == 0 && user_id.is_some() {
        DROPPED.note(mail);
    }
    Ok(())
}

/// The statement that queues a mail with the priority of its user's address, if there is room. It
/// is one statement, so that it takes one round trip, or none as a part of another one.
pub(in crate::db) fn queue_mail_statement(
    user_id: Option<UserId>,
    mail: &QueuedMail,
    now: Timestamp,
) -> Statement {
    let capacities = MailPriority::ALL.map(|priority| {
        let (priority, room) = (priority.get(), priority.room());
        format!("WHEN {priority} THEN {room}")
    });
    let [most, ..] = MailPriority::ALL.map(MailPriority::room);
    Statement::new(
        format!(
            "INSERT INTO outbox (user_id, letter, details, created_at, due_at, attempts, \
             claimed_until, has_token, priority) \
             SELECT CAST($1 AS BIGINT), $2, $3, CAST($4 AS BIGINT), CAST($4 AS BIGINT), 0, 0, \
                 CAST($5 AS BIGINT), class.priority FROM (SELECT CASE \
                 WHEN CAST($1 AS BIGINT) IS NULL THEN {decoy} \
                 WHEN EXISTS (SELECT 1 FROM verified_emails WHERE user_id = $1) THEN {known} \
                 ELSE {unproved} END AS priority) AS class \
             WHERE (SELECT count(*) FROM (SELECT 1 FROM outbox AS waiting \
                 WHERE waiting.priority = class.priority LIMIT {most}) AS waiting) \
                 < CASE class.priority {capacities} END",
            decoy = MailPriority::Decoy.get(),
            known = MailPriority::Known.get(),
            unproved = MailPriority::Unproved.get(),
            capacities = capacities.join(" "),
        ),
        [
            Value::Number(user_id.map(UserId::get)),
            Value::text(mail.kind),
            Value::Text(mail.details.clone()),
            Value::number(now.seconds()),
            Value::number(i64::from(mail.has_token)),
        ],
    )
}

/// Inserts a mail and returns its id. If there is no room for its priority, it writes an existing
/// row unchanged instead, so that a full outbox takes the same time.
fn insert(
    conn: &mut AnyConnection,
    user_id: Option<UserId>,
    mail: &QueuedMail,
    priority: MailPriority,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    if let Some(last) = last_in_room(conn, priority)? {
        if priority != MailPriority::Decoy {
            DROPPED.note(mail);
        }
        let row = outbox::table.filter(outbox::id.eq(last));
        diesel::update(row)
            .set(outbox::attempts.eq(outbox::attempts))
            .execute(conn)?;
        return Ok(None);
    }
    let id = diesel::insert_into(outbox::table)
        .values((
            outbox::user_id.eq(user_id.map(UserId::get)),
            outbox::letter.eq(mail.kind),
            outbox::details.eq(mail.details.as_deref()),
            outbox::created_at.eq(now.seconds()),
            outbox::due_at.eq(now.seconds()),
            outbox::attempts.eq(0),
            outbox::claimed_until.eq(0),
            outbox::has_token.eq(i64::from(mail.has_token)),
            outbox::priority.eq(priority.get()),
        ))
        .returning(outbox::id)
        .get_result(conn)?;
    Ok(Some(id))
}

/// Queues a mail within a transaction if its budget allows it, and returns whether it did. For a
/// disabled user, it queues a decoy.
pub(in crate::db) fn queue_within(
    conn: &mut AnyConnection,
    user_id: Option<UserId>,
    mail: &RateLimitedMail,
    now: Timestamp,
) -> Result<bool, DbError> {
    let priority = priority_of(conn, user_id, &[], now)?;
    queue_before(conn, user_id, mail, priority, now)
}

/// Queues a mail as [`queue_within`] does, and returns its id; none also if there was no room for it.
pub(in crate::db) fn queue_numbered(
    conn: &mut AnyConnection,
    user_id: UserId,
    RateLimitedMail { mail, budget }: &RateLimitedMail,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let priority = priority_of(conn, Some(user_id), &[], now)?;
    if count_all(conn, budget, now)?.is_err() {
        return Ok(None);
    }
    let user_id = Some(user_id).filter(|_| priority != MailPriority::Decoy);
    insert(conn, user_id, mail, priority, now)
}

/// Queues a mail as [`queue_within`] does, with a given priority.
pub(in crate::db) fn queue_before(
    conn: &mut AnyConnection,
    user_id: Option<UserId>,
    RateLimitedMail { mail, budget }: &RateLimitedMail,
    priority: MailPriority,
    now: Timestamp,
) -> Result<bool, DbError> {
    if count_all(conn, budget, now)?.is_err() {
        return Ok(false);
    }
    let user_id = user_id.filter(|_| priority != MailPriority::Decoy);
    insert(conn, user_id, mail, priority, now)?;
    Ok(true)
}
