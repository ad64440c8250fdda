//! Appends events to the chain, in one transaction with its head.

use std::collections::BTreeSet;

use diesel::prelude::*;
use uuid::Uuid;

use super::ROW;
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{audit_chain, audit_events, users};
use crate::db::{DB, DbError};
use crate::domain::{CHAIN_START, ChainRow, NewAuditEvent, USER_DELETED, UserId, content_digest};

/// How many rows one statement inserts.
const ROWS: usize = 100;

/// Among how many of a user's last rows the deletion is looked for.
const LATE_ROWS: i64 = 100;

/// The details of a row whose user was deleted before it was appended.
const NO_DETAILS: &str = "{}";

impl DB {
    /// Appends events to the chain, in their order: all or none. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is appended.
    pub fn append_audit_events(&self, events: &[NewAuditEvent]) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        self.write(|conn| {
            let head = lock_head(conn)?;
            append(conn, head, events)
        })
    }
}

/// Erases the content of a deleted user's rows, and appends the deletion. The caller holds the lock
/// of the user's row, and of no other table: the chain is locked last.
pub(in crate::db) fn erase_and_append(
    conn: &mut AnyConnection,
    user_id: UserId,
    deletion: &NewAuditEvent,
) -> Result<(), DbError> {
    let head = lock_head(conn)?;
    let rows = audit_events::table.filter(audit_events::user_id.eq(user_id.get()));
    diesel::update(rows)
        .set((
            audit_events::details.eq(None::<String>),
            audit_events::salt.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?;
    append(conn, head, std::slice::from_ref(deletion))
}

/// Position and digest of the last row, under a lock: instances append one after the other.
fn lock_head(conn: &mut AnyConnection) -> Result<(i64, Vec<u8>), DbError> {
    if let Some(head) = locked(conn)? {
        return Ok(head);
    }
    Statement::<()>::new(
        "INSERT INTO audit_chain (id, position, digest, start_digest) VALUES ($1, 0, $2, $2) \
         ON CONFLICT (id) DO NOTHING",
        [Value::number(ROW), Value::Bytes(CHAIN_START.to_vec())],
    )
    .run(conn)?;
    locked(conn)?.ok_or(DbError::NoResultFound)
}

fn locked(conn: &mut AnyConnection) -> QueryResult<Option<(i64, Vec<u8>)>> {
    diesel::update(audit_chain::table.filter(audit_chain::id.eq(ROW)))
        .set(audit_chain::id.eq(ROW))
        .returning((audit_chain::position, audit_chain::digest))
        .get_result(conn)
        .optional()
}

fn append(
    conn: &mut AnyConnection,
    (mut position, mut digest): (i64, Vec<u8>),
    events: &[NewAuditEvent],
) -> Result<(), DbError> {
    let deleted = deleted_users(conn, events)?;
    for chunk in events.chunks(ROWS) {
        let (mut values, mut places) = (Vec::new(), Vec::new());
        for event in chunk {
            position += 1;
            let user_id = event.user_id.map(UserId::get);
            let is_late = event.event != USER_DELETED
                && user_id.is_some_and(|user_id| deleted.contains(&user_id));
            let row = chained(event, position, is_late, &digest);
            places.push(insertion(&row, &mut values));
            digest = row.digest;
        }
        let sql = format!(
            "INSERT INTO audit_events (position, at, event, user_id, actor, actor_id, details, \
             salt, content_digest, digest) VALUES {}",
            places.join(", ")
        );
        Statement::<()>::new(sql, values).run(conn)?;
    }
    diesel::update(audit_chain::table.filter(audit_chain::id.eq(ROW)))
        .set((
            audit_chain::position.eq(position),
            audit_chain::digest.eq(digest),
        ))
        .execute(conn)?;
    Ok(())
}

/// The row of an event at a position, after a row with this digest.
fn chained(event: &NewAuditEvent, position: i64, is_late: bool, previous: &[u8]) -> ChainRow {
    let details = if is_late {
        NO_DETAILS.to_owned()
    } else {
        event.details.to_json()
    };
    let salt = Uuid::new_v4().into_bytes();
    let mut row = ChainRow {
        position,
        at: event.at.seconds(),
        event: event.event.to_owned(),
        user_id: event.user_id.map(UserId::get),
        actor: event.actor.name().to_owned(),
        actor_id: event.actor.user_id().map(UserId::get),
        content_digest: content_digest(&salt, &details).to_vec(),
        details: Some(details),
        salt: Some(salt.to_vec()),
        digest: Vec::new(),
    };
    row.digest = row.digest_after(previous).to_vec();
    row
}

/// Adds the values of a row, and returns their places in the statement.
fn insertion(row: &ChainRow, values: &mut Vec<Value>) -> String {
    let first = values.len() + 1;
    values.extend([
        Value::number(row.position),
        Value::number(row.at),
        Value::text(&row.event),
        Value::Number(row.user_id),
        Value::text(&row.actor),
        Value::Number(row.actor_id),
        Value::Text(row.details.clone()),
        Value::Bytes(row.salt.clone().unwrap_or_default()),
        Value::Bytes(row.content_digest.clone()),
        Value::Bytes(row.digest.clone()),
    ]);
    let places: Vec<String> = (first..=values.len()).map(|at| format!("${at}")).collect();
    format!("({})", places.join(", "))
}

/// The users of events who were deleted meanwhile. Their events get no details any more.
fn deleted_users(
    conn: &mut AnyConnection,
    events: &[NewAuditEvent],
) -> Result<BTreeSet<i64>, DbError> {
    let concerned = events.iter().filter(|event| event.event != USER_DELETED);
    let concerned = concerned.filter_map(|event| event.user_id.map(UserId::get));
    let mut missing: BTreeSet<i64> = concerned.collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let known: Vec<i64> = users::table
        .filter(users::id.eq_any(&missing))
        .select(users::id)
        .load(conn)?;
    for user in known {
        missing.remove(&user);
    }
    if missing.is_empty() {
        return Ok(missing);
    }
    let mut deleted = BTreeSet::new();
    for user in missing {
        let last: Vec<String> = audit_events::table
            .filter(audit_events::user_id.eq(user))
            .order(audit_events::position.desc())
            .select(audit_events::event)
            .limit(LATE_ROWS)
            .load(conn)?;
        if last.iter().any(|event| event == USER_DELETED) {
            deleted.insert(user);
        }
    }
    Ok(deleted)
}
