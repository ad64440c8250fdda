//! The table `passkey_challenges`: random bytes that authenticators sign, each valid once.

use std::time::Duration;

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::passkey_challenges;
use crate::db::tables::passkeys::handle_of;
use crate::db::tables::throttle::count_all;
use crate::db::{CLOCK_SLACK, DB, DbError, LimitCheck, RateLimited};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, Client, SessionDigest, Timestamp, UserHandle, UserId,
};

/// How long an authenticator may take. Browsers wait for five minutes.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(600);

/// A challenge, as it is stored and looked up.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// Its digest.
    pub digest: &'a ChallengeDigest,
    /// Its purpose.
    pub purpose: ChallengePurpose,
    /// The user; none for a login by passkey alone.
    pub user_id: Option<UserId>,
    /// The session for whose act it is; none for another purpose.
    pub session: Option<&'a SessionDigest>,
    /// The client that requested it. No other client can use it.
    pub client: &'a Client,
}

/// User, session and user handle of a row.
type ChallengeRow = (Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

/// A challenge that was used up.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct UsedChallenge {
    /// The user handle of a registration.
    pub(in crate::db) handle: Option<UserHandle>,
}

impl DB {
    /// Stores a challenge for a login, and counts the request towards its limits. Blocks for one
    /// write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn add_challenge(
        &self,
        new: &Challenge<'_>,
        limits: &[LimitCheck],
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.clock().now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, limits, now)? {
                return Ok(Err(limited));
            }
            put(conn, new, None, now)?;
            Ok(Ok(()))
        })
    }

    /// Uses up a challenge that was answered wrongly, and counts the attempt towards its limits.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn fail_challenge(
        &self,
        digest: Option<&ChallengeDigest>,
        limits: &[LimitCheck],
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.clock().now();
        self.write(|conn| {
            if let Some(digest) = digest {
                let row = passkey_challenges::table
                    .filter(passkey_challenges::digest.eq(digest.as_bytes()));
                diesel::delete(row).execute(conn)?;
            }
            Ok(count_all(conn, limits, now)?.map(|_| ()))
        })
    }

    /// Removes at most `limit` challenges that were not answered in time, and returns how many.
    /// Blocks for a lookup, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_challenges(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.clock().now().seconds();
        let expired: Vec<Vec<u8>> = self.read(|conn| {
            passkey_challenges::table
                .filter(passkey_challenges::expires_at.le(now))
                .order(passkey_challenges::expires_at)
                .select(passkey_challenges::digest)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if expired.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            let expired =
                passkey_challenges::table.filter(passkey_challenges::digest.eq_any(&expired));
            Ok(diesel::delete(expired).execute(conn)?)
        })
    }
}

/// Stores a challenge. `handle` is the user handle for the authenticator of a new passkey.
pub(in crate::db) fn put(
    conn: &mut AnyConnection,
    new: &Challenge<'_>,
    handle: Option<&UserHandle>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(passkey_challenges::table)
        .values((
            passkey_challenges::digest.eq(new.digest.as_bytes()),
            passkey_challenges::purpose.eq(new.purpose.number()),
            passkey_challenges::user_id.eq(new.user_id.map(UserId::get)),
            passkey_challenges::session.eq(new.session.map(SessionDigest::as_bytes)),
            passkey_challenges::client.eq(new.client.digest().as_slice()),
            passkey_challenges::user_handle.eq(handle.map(UserHandle::as_bytes)),
            passkey_challenges::created_at.eq(now.seconds()),
            passkey_challenges::expires_at.eq(now.plus(CHALLENGE_LIFETIME).seconds()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Stores the challenge of a registration. Returns the user handle for the authenticator: that of
/// the user's earlier passkeys, or else `fresh`.
pub(in crate::db) fn put_registration(
    conn: &mut AnyConnection,
    (new, user_id): (&Challenge<'_>, UserId),
    fresh: &UserHandle,
    now: Timestamp,
) -> Result<UserHandle, DbError> {
    let handle = handle_of(conn, user_id)?.unwrap_or(*fresh);
    put(conn, new, Some(&handle), now)?;
    Ok(handle)
}

/// Uses up a challenge. Returns none if it was used before, has expired, or is for another purpose,
/// user, session or client.
pub(in crate::db) fn use_challenge(
    conn: &mut AnyConnection,
    asked: &Challenge<'_>,
    now: Timestamp,
) -> Result<Option<UsedChallenge>, DbError> {
    let client = asked.client.digest();
    let row = passkey_challenges::table
        .filter(passkey_challenges::digest.eq(asked.digest.as_bytes()))
        .filter(passkey_challenges::purpose.eq(asked.purpose.number()))
        .filter(passkey_challenges::client.eq(client.as_slice()))
        .filter(passkey_challenges::expires_at.gt(now.seconds()))
        .filter(passkey_challenges::created_at.le(now.plus(CLOCK_SLACK).seconds()));
    let used: Option<ChallengeRow> = diesel::delete(row)
        .returning((
            passkey_challenges::user_id,
            passkey_challenges::session,
            passkey_challenges::user_handle,
        ))
        .get_result(conn)
        .optional()?;
    let session = asked.session.map(SessionDigest::as_bytes);
    let used = used.filter(|(user, of, _)| {
        *user == asked.user_id.map(UserId::get) && of.as_deref() == session
    });
    Ok(used.map(|(_, _, handle)| UsedChallenge {
        handle: handle.as_deref().and_then(UserHandle::from_bytes),
    }))
}

/// Ends the challenges of a user.
pub(in crate::db) fn end_challenges(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<(), DbError> {
    let challenges =
        passkey_challenges::table.filter(passkey_challenges::user_id.eq(user_id.get()));
    diesel::delete(challenges).execute(conn)?;
    Ok(())
}
