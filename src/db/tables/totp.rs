//! The table `totp`: the encrypted secrets of authenticator apps, and the last used step of each.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::totp;
use crate::db::{DB, DbError};
use crate::domain::{Timestamp, TotpStep, UserId};

/// How long a secret waits to be confirmed, in seconds.
const PENDING_LIFETIME: i64 = 3600;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRow {
    /// The secret, encrypted.
    pub sealed: Vec<u8>,
    /// When it was confirmed by a code. Until then no login requires it.
    pub confirmed_at: Option<Timestamp>,
}

impl DB {
    /// The authenticator app of a user, also one that is not confirmed yet. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn totp_of(&self, user_id: UserId) -> Result<Option<TotpRow>, DbError> {
        let oldest = self
            .clock()
            .now()
            .seconds()
            .saturating_sub(PENDING_LIFETIME);
        let row: Option<(Vec<u8>, Option<i64>)> = self.read(|conn| {
            totp::table
                .filter(totp::user_id.eq(user_id.get()))
                .filter(
                    totp::confirmed_at
                        .is_not_null()
                        .or(totp::created_at.gt(oldest)),
                )
                .select((totp::secret, totp::confirmed_at))
                .get_result(conn)
                .optional()
        })?;
        Ok(row.map(|(sealed, confirmed_at)| TotpRow {
            sealed,
            confirmed_at: confirmed_at.map(Timestamp::from_seconds),
        }))
    }

    /// Counts the confirmed authenticator apps among the next `step` after `after`, in the order of
    /// their users. Also returns the last of those `step`; none if no more follow. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_totp(
        &self,
        after: Option<UserId>,
        step: u32,
    ) -> Result<(u64, Option<UserId>), DbError> {
        let (end, count) = self.read(|conn| {
            let behind = totp::table.filter(totp::user_id.gt(after.map_or(0, UserId::get)));
            let end: Option<i64> = behind
                .order(totp::user_id)
                .select(totp::user_id)
                .limit(1)
                .offset(i64::from(step.saturating_sub(1)))
                .get_result(conn)
                .optional()?;
            let count: i64 = behind
                .filter(totp::user_id.le(end.unwrap_or(i64::MAX)))
                .filter(totp::confirmed_at.is_not_null())
                .count()
                .get_result(conn)?;
            QueryResult::Ok((end, count))
        })?;
        Ok((u64::try_from(count).unwrap_or(0), end.map(UserId::new)))
    }

    /// Removes at most `limit` secrets that were not confirmed in time, and returns how many.
    /// Blocks for a lookup, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_pending_totp(&self, limit: u32) -> Result<usize, DbError> {
        let oldest = self
            .clock()
            .now()
            .seconds()
            .saturating_sub(PENDING_LIFETIME);
        let due: Vec<i64> = self.read(|conn| {
            totp::table
                .filter(totp::confirmed_at.is_null())
                .filter(totp::created_at.le(oldest))
                // As the index has them: PostgreSQL would sort by `created_at` alone.
                .order((totp::confirmed_at, totp::created_at))
                .select(totp::user_id)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if due.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            let due = totp::table
                .filter(totp::user_id.eq_any(&due))
                .filter(totp::confirmed_at.is_null())
                .filter(totp::created_at.le(oldest));
            Ok(diesel::delete(due).execute(conn)?)
        })
    }
}

/// Stores a secret to be confirmed, which replaces an earlier unconfirmed one. Returns
/// whether it did: a confirmed one stays.
pub(in crate::db) fn put_pending(
    conn: &mut AnyConnection,
    user_id: UserId,
    sealed: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    let unconfirmed = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .filter(totp::confirmed_at.is_null());
    diesel::delete(unconfirmed).execute(conn)?;
    let confirmed: Option<i64> = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .select(totp::user_id)
        .get_result(conn)
        .optional()?;
    if confirmed.is_some() {
        return Ok(false);
    }
    diesel::insert_into(totp::table)
        .values((
            totp::user_id.eq(user_id.get()),
            totp::secret.eq(sealed),
            totp::created_at.eq(now.seconds()),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Confirms the secret against which a code was checked, and uses up the code's step. Returns false
/// if the secret was replaced or confirmed meanwhile.
pub(in crate::db) fn confirm(
    conn: &mut AnyConnection,
    user_id: UserId,
    step: TotpStep,
    sealed: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    let pending = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .filter(totp::secret.eq(sealed))
        .filter(totp::confirmed_at.is_null());
    let confirmed = diesel::update(pending)
        .set((
            totp::confirmed_at.eq(now.seconds()),
            totp::last_step.eq(step.number()),
        ))
        .execute(conn)?;
    Ok(confirmed == 1)
}

/// Uses up a step, by the same statement that compares it with the last used one. Returns whether
/// the code was valid: a code of that secret, and of a later step than any used before.
pub(in crate::db) fn use_step(
    conn: &mut AnyConnection,
    user_id: UserId,
    step: TotpStep,
    sealed: &[u8],
) -> Result<bool, DbError> {
    let unused = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .filter(totp::confirmed_at.is_not_null())
        .filter(totp::secret.eq(sealed))
        .filter(totp::last_step.lt(step.number()));
    let used = diesel::update(unused)
        .set(totp::last_step.eq(step.number()))
        .execute(conn)?;
    Ok(used == 1)
}

/// Removes a user's secret. Returns whether there was a confirmed one.
pub(in crate::db) fn remove(conn: &mut AnyConnection, user_id: UserId) -> Result<bool, DbError> {
    let removed: Option<Option<i64>> =
        diesel::delete(totp::table.filter(totp::user_id.eq(user_id.get())))
            .returning(totp::confirmed_at)
            .get_result(conn)
            .optional()?;
    Ok(removed.flatten().is_some())
}

/// Removes a user's secret that was confirmed at a given time or later, or is not confirmed yet.
/// Returns whether a confirmed one was removed.
pub(in crate::db) fn remove_since(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<bool, DbError> {
    let newer = totp::confirmed_at.ge(since.seconds());
    let newer = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .filter(totp::confirmed_at.is_null().or(newer));
    let removed: Option<Option<i64>> = diesel::delete(newer)
        .returning(totp::confirmed_at)
        .get_result(conn)
        .optional()?;
    Ok(removed.flatten().is_some())
}

/// Whether a user has an authenticator app that was confirmed.
pub(in crate::db) fn is_confirmed(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<bool, DbError> {
    let confirmed: i64 = totp::table
        .filter(totp::user_id.eq(user_id.get()))
        .filter(totp::confirmed_at.is_not_null())
        .count()
        .get_result(conn)?;
    Ok(confirmed > 0)
}
