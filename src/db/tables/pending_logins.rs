//! The table `pending_logins`: logins whose password was right and whose second factor is due.

use std::time::Duration;

use diesel::prelude::*;

use super::account_dates::is_disabled;
use crate::db::connection::AnyConnection;
use crate::db::schema::{pending_logins, users};
use crate::db::tables::passkey_challenges::end_challenges;
use crate::db::tables::second_factors::has_factor;
use crate::db::tables::users::{COLUMNS, UserRow};
use crate::db::{CLOCK_SLACK, DB, DbError, LoginSideEffects};
use crate::domain::{Client, HashedPassword, LoginTokenDigest, Timestamp, User, UserId};

/// How long a pending login waits for its second factor.
pub const LOGIN_LIFETIME: Duration = Duration::from_secs(600);

/// A login that begins with a right password.
#[derive(Debug, Clone, Copy)]
pub struct NewPendingLogin<'a> {
    /// The user whose password it was.
    pub user_id: UserId,
    /// The stored password that was right.
    pub checked: &'a HashedPassword,
    /// The digest of the login's token.
    pub digest: &'a LoginTokenDigest,
    /// The client that gave the password. No other client can continue the login.
    pub client: &'a Client,
}

impl DB {
    /// Stores that the password of a user was right and the second factor is due, and settles the
    /// rate limits of the attempt. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced in the meantime, or the user has no
    /// second factor or is disabled.
    pub fn add_pending_login(
        &self,
        new: &NewPendingLogin<'_>,
        side_effects: &LoginSideEffects,
    ) -> Result<(), DbError> {
        let now = self.clock().now();
        self.write_locking(new.user_id, |conn| {
            let unchanged: i64 = users::table
                .filter(users::id.eq(new.user_id.get()))
                .filter(users::hashed_password.eq(new.checked.expose()))
                .count()
                .get_result(conn)?;
            if unchanged == 0 || !has_factor(conn, new.user_id)? || is_disabled(conn, new.user_id)?
            {
                return Err(DbError::NoResultFound);
            }
            diesel::insert_into(pending_logins::table)
                .values((
                    pending_logins::digest.eq(new.digest.as_bytes()),
                    pending_logins::user_id.eq(new.user_id.get()),
                    pending_logins::client.eq(new.client.digest().as_slice()),
                    pending_logins::created_at.eq(now.seconds()),
                    pending_logins::expires_at.eq(now.plus(LOGIN_LIFETIME).seconds()),
                ))
                .execute(conn)?;
            self.settle(conn, new.user_id, side_effects)
        })
    }

    /// Finds the user of a login whose second factor is due, for the client that began it. Blocks
    /// for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such login.
    pub fn find_pending_login(
        &self,
        login: &LoginTokenDigest,
        client: &Client,
    ) -> Result<User, DbError> {
        let now = self.clock().now();
        // The outer join fixes the order of the lookups, regardless of the planner's statistics.
        self.read(|conn| {
            pending_logins::table
                .left_join(users::table)
                .filter(is_valid(login, client.digest(), now))
                .select(COLUMNS.nullable())
                .get_result::<Option<UserRow>>(conn)
                .optional()
        })?
        .flatten()
        .map(User::from)
        .ok_or(DbError::NoResultFound)
    }

    /// When the pending logins of a user began, including expired ones that are not removed yet.
    /// Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn pending_logins_of(&self, user_id: UserId) -> Result<Vec<Timestamp>, DbError> {
        let begun: Vec<i64> = self.read(|conn| {
            pending_logins::table
                .filter(pending_logins::user_id.eq(user_id.get()))
                .order(pending_logins::created_at)
                .select(pending_logins::created_at)
                .load(conn)
        })?;
        Ok(begun.into_iter().map(Timestamp::from_seconds).collect())
    }

    /// Removes at most `limit` logins that were not finished in time, and returns how many. Blocks
    /// for a lookup, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_logins(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.clock().now().seconds();
        let expired: Vec<Vec<u8>> = self.read(|conn| {
            pending_logins::table
                .filter(pending_logins::expires_at.le(now))
                .order(pending_logins::expires_at)
                .select(pending_logins::digest)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if expired.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            let expired = pending_logins::table.filter(pending_logins::digest.eq_any(&expired));
            Ok(diesel::delete(expired).execute(conn)?)
        })
    }
}

/// Whether a login still waits for its second factor. The caller has locked the user's row.
pub(in crate::db) fn is_pending(
    conn: &mut AnyConnection,
    user_id: UserId,
    login: &LoginTokenDigest,
    client: &Client,
    now: Timestamp,
) -> Result<bool, DbError> {
    let found: Option<i64> = pending_logins::table
        .filter(is_valid(login, client.digest(), now))
        .filter(pending_logins::user_id.eq(user_id.get()))
        .select(pending_logins::user_id)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Ends the logins of a user that wait for a second factor, and the challenges of passkeys.
pub(in crate::db) fn end_pending(conn: &mut AnyConnection, user_id: UserId) -> Result<(), DbError> {
    let pending = pending_logins::table.filter(pending_logins::user_id.eq(user_id.get()));
    diesel::delete(pending).execute(conn)?;
    end_challenges(conn, user_id)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_valid<'a>(login: &'a LoginTokenDigest, client: [u8; 32], now: Timestamp) -> _ {
    let (login, client): (&'a [u8], Vec<u8>) = (login.as_bytes(), client.to_vec());
    let latest: Timestamp = now.plus(CLOCK_SLACK);
    let (now, latest): (i64, i64) = (now.seconds(), latest.seconds());
    pending_logins::digest
        .eq(login)
        .and(pending_logins::client.eq(client))
        .and(pending_logins::expires_at.gt(now))
        .and(pending_logins::created_at.le(latest))
}
