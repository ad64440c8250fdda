//! The table `email_tokens`: tokens that prove access to a mailbox.

use std::time::Duration;

use diesel::prelude::*;

use super::ended_sessions::end_sessions_of;
use super::outbox::{
    ClaimedMail, QueuedMail, RateLimitedMail, ensure_not_revoked, queue, queue_within,
};
use super::previous_emails::{is_reserved, reserve_previous};
use super::revocation::revoke_tokens;
use super::sessions::sync_newest_session;
use super::users::{COLUMNS, UserRow, taken_or};
use super::verified_emails::verify;
use crate::db::connection::AnyConnection;
use crate::db::schema::{email_tokens, outbox, users};
use crate::db::{CLOCK_SLACK, DB, DbError, LoginSideEffects};
use crate::domain::{
    Email, EmailTokenAction, EmailTokenDigest, SessionDigest, SessionEnd, Timestamp, User, UserId,
};

/// A token to store.
#[derive(Debug, Clone, Copy)]
pub struct NewEmailToken<'a> {
    /// Its digest.
    pub digest: &'a EmailTokenDigest,
    /// Its purpose.
    pub action: EmailTokenAction,
    /// The address to which it is sent.
    pub email: &'a Email,
    /// Its lifetime.
    pub lifetime: Duration,
}

/// A valid token that was looked up.
#[derive(Debug, Clone)]
pub struct ActiveEmailToken {
    /// The user whose token it is.
    pub user: User,
    /// Its purpose.
    pub action: EmailTokenAction,
    /// The address to which it was sent.
    pub email: Email,
}

/// A change of an address by a token.
#[derive(Debug, Clone)]
pub struct EmailChange {
    /// The notification to the old address, and for how long its token can undo the change.
    pub notice: Option<(QueuedMail, Duration)>,
    /// The session of the request. It continues if it belongs to the account.
    pub session: Option<SessionDigest>,
}

impl DB {
    /// Stores a token, which replaces the user's older token for the same purpose. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist, or if the mail with the
    /// token was revoked.
    pub fn set_email_token(
        &self,
        user_id: UserId,
        new: &NewEmailToken<'_>,
        mail: &ClaimedMail,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            lock(conn, user_id)?;
            ensure_not_revoked(conn, mail)?;
            let older = email_tokens::table
                .filter(email_tokens::user_id.eq(user_id.get()))
                .filter(email_tokens::purpose.eq(new.action.as_str()));
            diesel::delete(older).execute(conn)?;
            diesel::insert_into(email_tokens::table)
                .values((
                    email_tokens::digest.eq(new.digest.to_hex()),
                    email_tokens::user_id.eq(user_id.get()),
                    email_tokens::purpose.eq(new.action.as_str()),
                    email_tokens::email.eq(new.email.as_str()),
                    email_tokens::created_at.eq(now.seconds()),
                    email_tokens::expires_at.eq(now.plus(new.lifetime).seconds()),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Queues another mail with a token for a user who gave the right password, if the budget
    /// allows it, and settles the rate limits. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn ask_again(
        &self,
        user_id: UserId,
        side_effects: &LoginSideEffects,
        mail: &RateLimitedMail,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            self.settle(conn, user_id, side_effects)?;
            queue_within(conn, Some(user_id), mail, now)?;
            Ok(())
        })
    }

    /// Looks up a token. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid.
    pub fn find_email_token(&self, token: &EmailTokenDigest) -> Result<ActiveEmailToken, DbError> {
        let now = self.settings.clock.now();
        // The outer join fixes the order of the lookups, regardless of the planner's statistics.
        let (purpose, email, user): (String, Option<String>, Option<UserRow>) = self
            .read(|conn| {
                email_tokens::table
                    .left_join(users::table)
                    .filter(is_good(*token, now))
                    .select((
                        email_tokens::purpose,
                        email_tokens::email,
                        COLUMNS.nullable(),
                    ))
                    .get_result(conn)
                    .optional()
            })?
            .ok_or(DbError::NoResultFound)?;
        let (action, email) = EmailTokenAction::from_stored(&purpose)
            .zip(email)
            .ok_or(DbError::NoResultFound)?;
        Ok(ActiveEmailToken {
            user: user.ok_or(DbError::NoResultFound)?.into(),
            action,
            email: Email::from_stored(email),
        })
    }

    /// Spends a token and marks the account's address as verified. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid any more, or if the account's address
    /// has changed.
    pub fn verify_email(
        &self,
        token: &EmailTokenDigest,
        found: &ActiveEmailToken,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if lock(conn, found.user.id)?.key() != found.email.key() {
                return Err(DbError::NoResultFound);
            }
            spend(conn, token, now)?;
            verify(conn, found.user.id, &found.email.key(), now)
        })
    }

    /// Spends a token and changes the account's address. It ends the other sessions, because the
    /// account may have a new owner, and all tokens that went to the old address. The owner of
    /// the old address can undo the change for some time. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid any more, or if the account's address
    /// has changed since the lookup. [`DbError::AlreadyExists`] if another account has the new
    /// address, or if it is reserved for one.
    pub fn change_email(
        &self,
        token: &EmailTokenDigest,
        found: &ActiveEmailToken,
        change: &EmailChange,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        let ActiveEmailToken { user, email, .. } = found;
        let (old, new) = (user.email.key(), email.key());
        self.write(|conn| {
            if lock(conn, user.id)? != user.email {
                return Err(DbError::NoResultFound);
            }
            spend(conn, token, now)?;
            diesel::update(users::table.filter(users::id.eq(user.id.get())))
                .set((
                    users::email.eq(email.as_str()),
                    users::email_key.eq(new.as_str()),
                ))
                .execute(conn)
                .map_err(|error| taken_or(error, email))?;
            if is_reserved(conn, &new, Some(user.id), now)? {
                return Err(DbError::AlreadyExists(email.clone()));
            }
            if old == new {
                return verify(conn, user.id, &new, now);
            }
            let why = (SessionEnd::EmailChanged, now);
            end_sessions_of(conn, user.id, change.session.as_ref(), why)?;
            sync_newest_session(conn, user.id)?;
            revoke_tokens(conn, user.id)?;
            if let Some((notice, undo)) = &change.notice {
                reserve_previous(conn, user.id, &user.email, now, *undo)?;
                queue(conn, Some(user.id), notice, now)?;
            }
            verify(conn, user.id, &new, now)
        })
    }
}

/// Revokes the tokens and queued mails of earlier requests for a new address. Only the newest
/// request counts.
pub(in crate::db) fn end_changes(
    conn: &mut AnyConnection,
    user_id: UserId,
    newest: &RateLimitedMail,
) -> Result<(), DbError> {
    let tokens = email_tokens::table
        .filter(email_tokens::user_id.eq(user_id.get()))
        .filter(email_tokens::purpose.eq(EmailTokenAction::Change.as_str()));
    diesel::delete(tokens).execute(conn)?;
    let mails = outbox::table
        .filter(outbox::user_id.eq(user_id.get()))
        .filter(outbox::letter.eq(newest.mail.kind))
        .filter(outbox::details.ne(newest.mail.details.as_deref()));
    diesel::delete(mails).execute(conn)?;
    Ok(())
}

/// Locks the user's row, which every change of sessions and tokens locks first, and returns the
/// user's address.
fn lock(conn: &mut AnyConnection, user_id: UserId) -> Result<Email, DbError> {
    let user = users::table.filter(users::id.eq(user_id.get()));
    diesel::update(user)
        .set(users::id.eq(users::id))
        .returning(users::email)
        .get_result(conn)
        .optional()?
        .map(Email::from_stored)
        .ok_or(DbError::NoResultFound)
}

fn spend(
    conn: &mut AnyConnection,
    token: &EmailTokenDigest,
    now: Timestamp,
) -> Result<(), DbError> {
    let token = email_tokens::table.filter(is_good(*token, now));
    match diesel::delete(token).execute(conn)? {
        0 => Err(DbError::NoResultFound),
        _ => Ok(()),
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_good(token: EmailTokenDigest, now: Timestamp) -> _ {
    let token: String = token.to_hex();
    let latest: Timestamp = now.plus(CLOCK_SLACK);
    let (now, latest): (i64, i64) = (now.seconds(), latest.seconds());
    email_tokens::digest
        .eq(token)
        .and(email_tokens::expires_at.gt(now))
        .and(email_tokens::created_at.le(latest))
}
