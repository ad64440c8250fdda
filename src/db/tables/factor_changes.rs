//! The table `factor_changes`: changes of users' second factors, and the tokens that take an
//! account back.

use std::time::Duration;

use diesel::prelude::*;

use super::outbox::{ClaimedMail, queue_numbered};
use super::users::{COLUMNS, UserRow};
use crate::db::connection::AnyConnection;
use crate::db::schema::{factor_changes, users};
use crate::db::{CLOCK_SLACK, DB, DbError, RateLimitedMail};
use crate::domain::{
    Client, Email, EmailRevertTokenDigest, FactorChange, FactorChangeKind, Timestamp, UserId,
};

/// How long a change is kept for the owner to see: half a year.
const KEPT: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// A change of second factors that is made now.
#[derive(Debug, Clone, Copy)]
pub struct NewFactorChange<'a> {
    /// What is done.
    pub kind: FactorChangeKind,
    /// The account's address.
    pub email: &'a Email,
    /// The client that makes it.
    pub client: &'a Client,
    /// The notification.
    pub notice: Option<&'a RateLimitedMail>,
    /// For how long the token of the notification takes the account back.
    pub undo: Option<Duration>,
}

impl DB {
    /// The latest changes of the second factors of a user, newest first. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn factor_changes_of(
        &self,
        user_id: UserId,
        limit: u32,
    ) -> Result<Vec<FactorChange>, DbError> {
        type Row = (String, i64, Option<String>, Option<String>);
        let rows: Vec<Row> = self.read(|conn| {
            factor_changes::table
                .filter(factor_changes::user_id.eq(user_id.get()))
                .order(factor_changes::id.desc())
                .select((
                    factor_changes::kind,
                    factor_changes::changed_at,
                    factor_changes::ip,
                    factor_changes::user_agent,
                ))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        let change = |(kind, changed_at, ip, user_agent): Row| FactorChange {
            kind: kind.parse().ok(),
            changed_at: Timestamp::from_seconds(changed_at),
            ip,
            user_agent,
        };
        Ok(rows.into_iter().map(change).collect())
    }

    /// Stores the token that takes an account back as it was before a change, of which the mail
    /// with the token notifies. It replaces the token of an earlier try to send that mail. Blocks
    /// for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the change cannot be undone (any more).
    pub fn set_factor_undo_token(
        &self,
        user_id: UserId,
        (kind, mail): (FactorChangeKind, &ClaimedMail),
        token: &EmailRevertTokenDigest,
    ) -> Result<(), DbError> {
        let now = self.clock().now();
        // An earlier version stores no id of the mail. Then the time tells the change.
        let is_its_mail = factor_changes::mail_id.eq(mail.id);
        let is_its_mail = is_its_mail.or(factor_changes::mail_id.is_null());
        self.write(|conn| {
            let change: i64 = factor_changes::table
                .filter(factor_changes::user_id.eq(user_id.get()))
                .filter(factor_changes::changed_at.eq(mail.created_at.seconds()))
                .filter(factor_changes::undo_until.gt(now.seconds()))
                .filter(factor_changes::kind.eq(kind.as_str()))
                .filter(is_its_mail)
                .order(factor_changes::id)
                .select(factor_changes::id)
                .first(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            diesel::update(factor_changes::table.filter(factor_changes::id.eq(change)))
                .set(factor_changes::digest.eq(token.to_hex()))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Removes at most `limit` changes that are older than half a year, and returns how many.
    /// Blocks for a lookup, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_old_factor_changes(&self, limit: u32) -> Result<usize, DbError> {
        let oldest = self.clock().now().minus(KEPT).seconds();
        let old: Vec<i64> = self.read(|conn| {
            factor_changes::table
                .filter(factor_changes::changed_at.le(oldest))
                .order(factor_changes::changed_at)
                .select(factor_changes::id)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if old.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            let old = factor_changes::table.filter(factor_changes::id.eq_any(&old));
            Ok(diesel::delete(old).execute(conn)?)
        })
    }
}

/// Finds the change of a valid token: its user, the address that the token was sent to, and when
/// the change was made.
pub(in crate::db) fn find_undo(
    conn: &mut AnyConnection,
    token: &EmailRevertTokenDigest,
    now: Timestamp,
) -> QueryResult<Option<(UserRow, String, i64)>> {
    // The outer join fixes the order of the lookups, regardless of the planner's statistics.
    let found: Option<(Option<UserRow>, String, i64)> = factor_changes::table
        .left_join(users::table)
        .filter(factor_changes::digest.eq(token.to_hex()))
        .filter(factor_changes::undo_until.gt(now.seconds()))
        .filter(factor_changes::changed_at.le(now.plus(CLOCK_SLACK).seconds()))
        .select((
            COLUMNS.nullable(),
            factor_changes::email,
            factor_changes::changed_at,
        ))
        .get_result(conn)
        .optional()?;
    Ok(found.and_then(|(user, email, changed_at)| Some((user?, email, changed_at))))
}

/// Records a change, and queues its notification if the budget of the address allows it. The caller
/// has locked the user's row.
pub(in crate::db) fn note_change(
    conn: &mut AnyConnection,
    user_id: UserId,
    new: &NewFactorChange<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mail_id = match new.notice {
        Some(notice) => queue_numbered(conn, user_id, notice, now)?,
        None => None,
    };
    let undo = new.undo.filter(|_| mail_id.is_some());
    let undo_until = undo.map(|undo| now.plus(undo));
    let address = new.client.address();
    diesel::insert_into(factor_changes::table)
        .values((
            factor_changes::user_id.eq(user_id.get()),
            factor_changes::kind.eq(new.kind.as_str()),
            factor_changes::email.eq(new.email.as_str()),
            factor_changes::ip.eq(address.map(|address| address.to_string())),
            factor_changes::user_agent.eq(new.client.user_agent()),
            factor_changes::changed_at.eq(now.seconds()),
            factor_changes::undo_until.eq(undo_until.map(Timestamp::seconds)),
            factor_changes::mail_id.eq(mail_id),
        ))
        .execute(conn)?;
    Ok(())
}

/// Revokes the tokens of changes that were made at a given time or later, also those that are not
/// mailed yet: they may go to an attacker's address.
pub(in crate::db) fn end_undos(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<(), DbError> {
    let later = factor_changes::table
        .filter(factor_changes::user_id.eq(user_id.get()))
        .filter(factor_changes::changed_at.ge(since.seconds()));
    diesel::update(later)
        .set((
            factor_changes::digest.eq(None::<String>),
            factor_changes::undo_until.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(())
}
