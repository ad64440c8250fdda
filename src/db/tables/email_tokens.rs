//! The table `email_tokens`: what proves that somebody reads the mail of an address.

use std::time::Duration;

use diesel::prelude::*;

use super::outbox::{BudgetedMail, ClaimedMail, NewMail, queue, queue_within, still_there};
use super::previous_emails::{is_reserved, keep_former};
use super::revocation::revoke_tokens;
use super::sessions::mirror_newest;
use super::users::{COLUMNS, UserRow, taken_or};
use super::verified_emails::verify;
use crate::db::connection::AnyConnection;
use crate::db::schema::{email_tokens, outbox, sessions, users};
use crate::db::{CLOCK_SLACK, DB, DbError, LoginSideEffects};
use crate::domain::{Email, EmailAction, EmailTokenDigest, SessionDigest, Timestamp, User, UserId};

/// A token that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewEmailToken<'a> {
    /// What is stored of it.
    pub digest: &'a EmailTokenDigest,
    /// What it is good for.
    pub action: EmailAction,
    /// The address that it is sent to.
    pub email: &'a Email,
    /// How long it is good.
    pub lifetime: Duration,
}

/// A token that was looked up and is good.
#[derive(Debug, Clone)]
pub struct FoundEmailToken {
    /// Whose it is.
    pub user: User,
    /// What it is good for.
    pub action: EmailAction,
    /// The address whose mail its holder reads.
    pub email: Email,
}

/// The change of an address by a token.
#[derive(Debug, Clone)]
pub struct EmailChange {
    /// What tells the owner of the old address, to which the token in it brings the account
    /// back for so long.
    pub notice: Option<(NewMail, Duration)>,
    /// The session in which the token came back. If it is one of the account, it goes on.
    pub session: Option<SessionDigest>,
}

impl DB {
    /// Makes a token the one that proves something about a user's address; an older one for
    /// the same action is worth nothing from then on. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user (any more), or the mail was revoked
    /// in which the token goes.
    pub fn set_email_token(
        &self,
        user_id: UserId,
        new: &NewEmailToken<'_>,
        mail: &ClaimedMail,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            lock(conn, user_id)?;
            still_there(conn, mail)?;
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

    /// Queues another mail with a token for somebody who gave the right password, if its budget
    /// allows it, and settles what the guess was counted by. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn ask_again(
        &self,
        user_id: UserId,
        settlement: &LoginSideEffects,
        mail: &BudgetedMail,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            self.settle(conn, user_id, settlement)?;
            queue_within(conn, Some(user_id), mail, now)?;
            Ok(())
        })
    }

    /// Finds what a token proves. Blocks for one look-up.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not good (any more).
    pub fn find_email_token(&self, token: &EmailTokenDigest) -> Result<FoundEmailToken, DbError> {
        let now = self.settings.clock.now();
        // The outer join keeps the order of the look-ups, whatever the statistics say.
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
        let (action, email) = EmailAction::from_stored(&purpose)
            .zip(email)
            .ok_or(DbError::NoResultFound)?;
        Ok(FoundEmailToken {
            user: user.ok_or(DbError::NoResultFound)?.into(),
            action,
            email: Email::from_stored(email),
        })
    }

    /// Spends a token that proves the address of an account. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not good any more, or the account has
    /// another address by now.
    pub fn verify_email(
        &self,
        token: &EmailTokenDigest,
        found: &FoundEmailToken,
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

    /// Spends a token that gives an account another address. The other sessions end: the account
    /// may have another owner now. What went to the old address ends too; who reads the mail of that one can take the account back for a while. All or
    /// nothing; blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not good any more, or the account's address
    /// is another one than it was when it was looked up, and [`DbError::AlreadyExists`] if
    /// somebody has the new one, or it is kept for somebody.
    pub fn change_email(
        &self,
        token: &EmailTokenDigest,
        found: &FoundEmailToken,
        change: &EmailChange,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        let FoundEmailToken { user, email, .. } = found;
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
            end_other_sessions(conn, user.id, change.session.as_ref())?;
            revoke_tokens(conn, user.id)?;
            if let Some((notice, undo)) = &change.notice {
                keep_former(conn, user.id, &user.email, now, *undo)?;
                queue(conn, Some(user.id), notice, now)?;
            }
            verify(conn, user.id, &new, now)
        })
    }
}

/// Ends what an account was asked before about another address, but for the mail that was just
/// queued: the newest request counts.
pub(in crate::db) fn end_changes(
    conn: &mut AnyConnection,
    user_id: UserId,
    newest: &BudgetedMail,
) -> Result<(), DbError> {
    let tokens = email_tokens::table
        .filter(email_tokens::user_id.eq(user_id.get()))
        .filter(email_tokens::purpose.eq(EmailAction::Change.as_str()));
    diesel::delete(tokens).execute(conn)?;
    let mails = outbox::table
        .filter(outbox::user_id.eq(user_id.get()))
        .filter(outbox::letter.eq(newest.mail.letter))
        .filter(outbox::details.ne(newest.mail.details.as_deref()));
    diesel::delete(mails).execute(conn)?;
    Ok(())
}

fn end_other_sessions(
    conn: &mut AnyConnection,
    user_id: UserId,
    current: Option<&SessionDigest>,
) -> Result<(), DbError> {
    let current = current.map_or(&[][..], SessionDigest::as_bytes);
    let others = sessions::table
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::digest.ne(current));
    diesel::delete(others).execute(conn)?;
    mirror_newest(conn, user_id)
}

/// The user's row is the lock that every change of sessions and tokens takes first.
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
