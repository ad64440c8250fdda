//! The table `password_resets`: the valid reset tokens and their users.

use std::time::Duration;

use diesel::prelude::*;

use super::account_dates::is_disabled;
use super::outbox::{ClaimedMail, RateLimitedMail, ensure_not_revoked, queue_within, rewrite_row};
use super::revocation::revoke_all;
use super::throttle::admin::{clear_account_limits, unlock};
use super::users::{COLUMNS, UserRow};
use super::verified_emails::verify;
use crate::db::schema::{password_resets, users};
use crate::db::{CLOCK_SLACK, DB, DbError};
use crate::domain::{
    HashedPassword, LimitCheck, NormalizedEmail, ResetTokenDigest, SessionEnd, Timestamp, User,
    UserId,
};

/// A new password that a user sets with a token.
#[derive(Debug, Clone)]
pub struct PasswordResetUpdate<'a> {
    /// The digest of the token.
    pub token: &'a ResetTokenDigest,
    /// The hash of the password.
    pub hashed_password: &'a HashedPassword,
    /// The notification to the owner.
    pub notice: Option<RateLimitedMail>,
    /// The limit of wrong codes of a second factor, where attempts are counted.
    pub code_limit: Option<LimitCheck>,
}

impl DB {
    /// Stores a reset token, which replaces the user's older one. `mail` is the mail that will
    /// contain the token, if there is one. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist, or the mail was revoked.
    pub fn set_reset_token(
        &self,
        user_id: UserId,
        token: &ResetTokenDigest,
        lifetime: Duration,
        mail: Option<&ClaimedMail>,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let user = users::table.filter(users::id.eq(user_id.get()));
            let users_updated = diesel::update(user)
                .set(users::reset_token.eq(token.to_hex()))
                .execute(conn)?;
            if users_updated == 0 {
                return Err(DbError::NoResultFound);
            }
            if let Some(mail) = mail {
                ensure_not_revoked(conn, mail)?;
            }
            let older = password_resets::table.filter(password_resets::user_id.eq(user_id.get()));
            diesel::delete(older).execute(conn)?;
            diesel::insert_into(password_resets::table)
                .values((
                    password_resets::user_id.eq(user_id.get()),
                    password_resets::digest.eq(token.to_hex()),
                    password_resets::created_at.eq(now.seconds()),
                    password_resets::expires_at.eq(now.plus(lifetime).seconds()),
                    password_resets::mailed.eq(i64::from(mail.is_some())),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Decoy of [`DB::set_reset_token`]: runs the same statements, also the write to the disk,
    /// and stores no token. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn store_decoy_token(&self, mail: &ClaimedMail) -> Result<(), DbError> {
        self.write(|conn| {
            let no_user = users::table.filter(users::id.eq(0));
            diesel::update(no_user)
                .set(users::reset_token.eq(None::<String>))
                .execute(conn)?;
            rewrite_row(conn, mail)?;
            let older = password_resets::table.filter(password_resets::user_id.eq(0));
            diesel::delete(older).execute(conn)?;
            Ok(())
        })
    }

    /// Finds the user of a reset token. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid.
    pub fn find_reset_token(&self, token: &ResetTokenDigest) -> Result<User, DbError> {
        let now = self.settings.clock.now();
        // The outer join fixes the order of the lookups, regardless of the planner's statistics.
        self.read(|conn| {
            password_resets::table
                .left_join(users::table)
                .filter(is_good(*token, now))
                .select(COLUMNS.nullable())
                .get_result::<Option<UserRow>>(conn)
                .optional()
        })?
        .flatten()
        .map(User::from)
        .ok_or(DbError::NoResultFound)
    }

    /// Spends a token and stores a new password. It ends all sessions, forgets the known clients,
    /// revokes other tokens, and clears the rate limits of the account. If the token was sent by
    /// mail, the address becomes verified. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid, or the user is disabled.
    pub fn spend_reset_token(
        &self,
        user_id: UserId,
        new: &PasswordResetUpdate<'_>,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        let id = user_id.get();
        self.write(|conn| {
            // Every change of sessions and tokens locks the user's row first.
            let user = users::table.filter(users::id.eq(id));
            let email: String = diesel::update(user)
                .set(users::hashed_password.eq(new.hashed_password.expose()))
                .returning(users::email_key)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            if is_disabled(conn, user_id)? {
                return Err(DbError::NoResultFound);
            }
            let email = NormalizedEmail::canonical(&email);
            let token = password_resets::table
                .filter(password_resets::user_id.eq(id))
                .filter(is_good(*new.token, now));
            let mailed: i64 = diesel::delete(token)
                .returning(password_resets::mailed)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            revoke_all(conn, user_id, (SessionEnd::PasswordChanged, now))?;
            clear_account_limits(conn, &email)?;
            if let Some(limit) = &new.code_limit {
                unlock(conn, limit, now)?;
            }
            if mailed != 0 {
                verify(conn, user_id, &email, now)?;
            }
            if let Some(notice) = &new.notice {
                queue_within(conn, Some(user_id), notice, now)?;
            }
            Ok(())
        })
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_good(token: ResetTokenDigest, now: Timestamp) -> _ {
    let token: String = token.to_hex();
    let latest: Timestamp = now.plus(CLOCK_SLACK);
    let (now, latest): (i64, i64) = (now.seconds(), latest.seconds());
    password_resets::digest
        .eq(token)
        .and(password_resets::expires_at.gt(now))
        .and(password_resets::created_at.le(latest))
}
