//! The table `password_resets`: which reset tokens are good, and whose they are.

use std::time::Duration;

use diesel::prelude::*;

use super::outbox::{NewMail, queue};
use super::schema::{email_tokens, known_clients, password_resets, sessions, users};
use super::throttle_upkeep::forget_at;
use super::users::{COLUMNS, UserRow};
use super::{DB, DbError};
use crate::domain::{EmailKey, HashedPassword, ResetTokenDigest, Timestamp, User, UserId};

/// How far in the future a token may have been made before its clock is not believed.
const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// A new password that somebody sets with a token.
#[derive(Debug, Clone)]
pub struct NewPassword<'a> {
    /// What is stored of the token.
    pub token: &'a ResetTokenDigest,
    /// What is stored of the password.
    pub hashed_password: &'a HashedPassword,
    /// What the owner is told of it.
    pub notice: NewMail,
}

impl DB {
    /// Makes a token the one with which a user can set a new password; the user's older one
    /// is worth nothing from then on. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user (any more).
    pub fn set_reset_token(
        &self,
        user_id: UserId,
        token: &ResetTokenDigest,
        lifetime: Duration,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let user = users::table.filter(users::id.eq(user_id.get()));
            let mirrored = diesel::update(user)
                .set(users::reset_token.eq(token.as_str()))
                .execute(conn)?;
            if mirrored == 0 {
                return Err(DbError::NoResultFound);
            }
            let older = password_resets::table.filter(password_resets::user_id.eq(user_id.get()));
            diesel::delete(older).execute(conn)?;
            diesel::insert_into(password_resets::table)
                .values((
                    password_resets::user_id.eq(user_id.get()),
                    password_resets::digest.eq(token.as_str()),
                    password_resets::created_at.eq(now.seconds()),
                    password_resets::expires_at.eq(now.plus(lifetime).seconds()),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Finds the user who can set a new password with a token. Blocks for one look-up.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not good (any more).
    pub fn find_reset_token(&self, token: &ResetTokenDigest) -> Result<User, DbError> {
        let now = self.settings.clock.now();
        self.read(|conn| {
            password_resets::table
                .inner_join(users::table)
                .filter(is_good(token, now))
                .select(COLUMNS)
                .get_result::<UserRow>(conn)
                .optional()
        })?
        .map(User::from)
        .ok_or(DbError::NoResultFound)
    }

    /// Spends a token for a new password. All that was opened with the old one ends: the
    /// sessions, the devices that are known, the tokens that are on their way, and what was
    /// counted of guesses. All or nothing; blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not good (any more).
    pub fn spend_reset_token(&self, user_id: UserId, new: &NewPassword<'_>) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        let id = user_id.get();
        self.write(|conn| {
            // The user's row is the lock that every change of sessions and tokens takes first.
            let user = users::table.filter(users::id.eq(id));
            let email_key: String = diesel::update(user)
                .set((
                    users::hashed_password.eq(new.hashed_password.expose()),
                    users::session_id.eq(None::<String>),
                    users::reset_token.eq(None::<String>),
                ))
                .returning(users::email_key)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            let token = password_resets::table
                .filter(password_resets::user_id.eq(id))
                .filter(is_good(new.token, now));
            if diesel::delete(token).execute(conn)? != 1 {
                return Err(DbError::NoResultFound);
            }
            diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(conn)?;
            diesel::delete(email_tokens::table.filter(email_tokens::user_id.eq(id)))
                .execute(conn)?;
            diesel::delete(known_clients::table.filter(known_clients::user_id.eq(id)))
                .execute(conn)?;
            forget_at(conn, &EmailKey::canonical(&email_key))?;
            queue(conn, Some(user_id), &new.notice, now)
        })
    }

    /// Removes tokens that have expired, `limit` at the most of each kind, and tells how
    /// many. Blocks for a write, if there is anything to remove.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_tokens(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        let limit = i64::from(limit);
        let (owners, mailed) = self.read(|conn| {
            let owners: Vec<i64> = password_resets::table
                .filter(password_resets::expires_at.le(now))
                .select(password_resets::user_id)
                .limit(limit)
                .load(conn)?;
            let mailed: Vec<String> = email_tokens::table
                .filter(email_tokens::expires_at.le(now))
                .select(email_tokens::digest)
                .limit(limit)
                .load(conn)?;
            QueryResult::Ok((owners, mailed))
        })?;
        if owners.is_empty() && mailed.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            // A user who has asked for a new token in the meantime has it still.
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
            Ok(gone.len() + diesel::delete(mailed).execute(conn)?)
        })
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_good<'a>(token: &'a ResetTokenDigest, now: Timestamp) -> _ {
    let token: &'a str = token.as_str();
    let latest: Timestamp = now.plus(CLOCK_SLACK);
    let (now, latest): (i64, i64) = (now.seconds(), latest.seconds());
    password_resets::digest
        .eq(token)
        .and(password_resets::expires_at.gt(now))
        .and(password_resets::created_at.le(latest))
}
