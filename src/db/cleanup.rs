//! Removes sessions, tokens, codes and invitations that have expired, a bounded number at a time.

use diesel::prelude::*;

use super::schema::{
    email_tokens, former_emails, hand_over_codes, invitations, password_resets, sessions, users,
};
use super::tables::ended_sessions::note_expired;
use super::tables::sessions::forget_newest;
use super::{DB, DbError};
use crate::domain::Timestamp;

impl DB {
    /// Checks the `limit` sessions that are due for cleanup first, and removes the expired ones.
    /// A session that was used since becomes due again at its new end. Returns how many it
    /// checked. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_sessions(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now();
        let due: Vec<DueSession> = self.read(|conn| {
            sessions::table
                .filter(sessions::cleanup_at.le(now.seconds()))
                .order(sessions::cleanup_at)
                .select((
                    sessions::digest,
                    sessions::user_id,
                    sessions::last_seen_at,
                    sessions::expires_at,
                ))
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if due.is_empty() {
            return Ok(0);
        }
        let idle = self.settings.sessions.idle();
        let ends_at = |session: &DueSession| {
            let idle_at = Timestamp::from_seconds(session.last_seen_at).plus(idle);
            idle_at.seconds().min(session.expires_at)
        };
        let (expired, used): (Vec<_>, Vec<_>) = due
            .iter()
            .partition(|session| ends_at(session) <= now.seconds());
        let owners: Vec<i64> = expired.iter().map(|session| session.user_id).collect();
        let digests: Vec<&[u8]> = expired
            .iter()
            .map(|session| session.digest.as_slice())
            .collect();
        let idle_since = now.minus(idle);
        self.write(|conn| {
            forget_newest(conn, &owners, &digests)?;
            note_expired(conn, &digests, (now, idle_since))?;
            // A session that was used meanwhile stays.
            let expired = sessions::table
                .filter(sessions::digest.eq_any(&digests))
                .filter(
                    sessions::expires_at
                        .le(now.seconds())
                        .or(sessions::last_seen_at.le(idle_since.seconds())),
                );
            diesel::delete(expired).execute(conn)?;
            for session in &used {
                let row = sessions::table.filter(sessions::digest.eq(&session.digest));
                diesel::update(row)
                    .set(sessions::cleanup_at.eq(ends_at(session)))
                    .execute(conn)?;
            }
            Ok(due.len())
        })
    }

    /// Removes expired tokens, at most `limit` of each kind, and returns how many. Blocks for a
    /// read, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_tokens(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        let limit = i64::from(limit);
        let (owners, mailed, former) = self.read(|conn| {
            let owners: Vec<i64> = password_resets::table
                .filter(password_resets::expires_at.le(now))
                .order(password_resets::expires_at)
                .select(password_resets::user_id)
                .limit(limit)
                .load(conn)?;
            let mailed: Vec<String> = email_tokens::table
                .filter(email_tokens::expires_at.le(now))
                .order(email_tokens::expires_at)
                .select(email_tokens::digest)
                .limit(limit)
                .load(conn)?;
            let former: Vec<i64> = former_emails::table
                .filter(former_emails::expires_at.le(now))
                .order(former_emails::expires_at)
                .select(former_emails::id)
                .limit(limit)
                .load(conn)?;
            QueryResult::Ok((owners, mailed, former))
        })?;
        let (codes, invited) = self.read(|conn| {
            let codes: Vec<Vec<u8>> = hand_over_codes::table
                .filter(hand_over_codes::expires_at.le(now))
                .order(hand_over_codes::expires_at)
                .select(hand_over_codes::digest)
                .limit(limit)
                .load(conn)?;
            let invited: Vec<i64> = invitations::table
                .filter(invitations::expires_at.le(now))
                .order(invitations::expires_at)
                .select(invitations::id)
                .limit(limit)
                .load(conn)?;
            QueryResult::Ok((codes, invited))
        })?;
        let found = owners.len() + mailed.len() + former.len() + codes.len() + invited.len();
        if found == 0 {
            return Ok(0);
        }
        self.write(|conn| {
            // A token that was requested meanwhile stays.
            let gone: Vec<i64> = diesel::delete(
                password_resets::table
                    .filter(password_resets::user_id.eq_any(&owners))
                    .filter(password_resets::expires_at.le(now)),
            )
            .returning(password_resets::user_id)
            .get_results(conn)?;
            diesel::update(users::table.filter(users::id.eq_any(&gone)))
                .set(users::reset_token.eq(None::<String>))
                .execute(conn)?;
            let mailed = email_tokens::table.filter(email_tokens::digest.eq_any(&mailed));
            let former = former_emails::table.filter(former_emails::id.eq_any(&former));
            let codes = hand_over_codes::table.filter(hand_over_codes::digest.eq_any(&codes));
            let invited = invitations::table.filter(invitations::id.eq_any(&invited));
            let others = diesel::delete(mailed).execute(conn)?
                + diesel::delete(former).execute(conn)?
                + diesel::delete(codes).execute(conn)?
                + diesel::delete(invited).execute(conn)?;
            Ok(gone.len() + others)
        })
    }
}

/// A session that is due for cleanup.
#[derive(Queryable)]
struct DueSession {
    digest: Vec<u8>,
    user_id: i64,
    last_seen_at: i64,
    expires_at: i64,
}
