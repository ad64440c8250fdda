//! Taking an account back by an email: from an attacker who knew the password, or held a session,
//! and changed the address or the second factors.

use diesel::prelude::*;

use super::second_factor::remove_factors_since;
use crate::db::connection::AnyConnection;
use crate::db::schema::users;
use crate::db::tables::account_dates::is_disabled;
use crate::db::tables::audit_events::erase_and_append;
use crate::db::tables::factor_changes::{NewFactorChange, end_undos, find_undo, note_change};
use crate::db::tables::outbox::{QueuedMail, RateLimitedMail, queue, queue_within};
use crate::db::tables::previous_emails::{ActivePreviousEmail, remove_since, spend_previous};
use crate::db::tables::revocation::revoke_all;
use crate::db::tables::throttle::admin::clear_account_limits;
use crate::db::tables::users::{owner_of, taken_or};
use crate::db::tables::verified_emails::{has_proved, verify};
use crate::db::{DB, DbError};
use crate::domain::{
    Actor, Client, Email, EmailRevertTokenDigest, FactorChangeKind, HashedPassword, NewAuditEvent,
    SessionEnd, Timestamp, User, UserId,
};

/// How an account is taken back.
#[derive(Debug, Clone, Copy)]
pub struct TakeBack<'a> {
    /// The client that does it.
    pub client: &'a Client,
    /// The mail with which the owner sets a new password.
    pub reset: &'a QueuedMail,
    /// The notification to the address that loses the account, if it is another one.
    pub notice: Option<&'a RateLimitedMail>,
}

/// A change of second factors with a valid undo token.
#[derive(Debug, Clone)]
pub struct ActiveFactorUndo {
    /// The user, with the present address.
    pub user: User,
    /// The address that the token was sent to. It gets the account.
    pub email: Email,
}

impl DB {
    /// Finds the change of second factors of an undo token. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid (any more).
    pub fn find_factor_undo(
        &self,
        token: &EmailRevertTokenDigest,
    ) -> Result<ActiveFactorUndo, DbError> {
        let now = self.clock().now();
        let found = self.read(|conn| find_undo(conn, token, now))?;
        let (user, email, _) = found.ok_or(DbError::NoResultFound)?;
        Ok(ActiveFactorUndo {
            user: user.into(),
            email: Email::from_stored(email),
        })
    }

    /// Restores a former address, because an attacker may have changed it, and deletes later former
    /// addresses. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the address was restored meanwhile or the account is disabled,
    /// and [`DbError::AlreadyExists`] if another account has it and has verified it.
    pub fn revert_email(
        &self,
        found: &ActivePreviousEmail,
        how: &TakeBack<'_>,
    ) -> Result<(), DbError> {
        let now = self.clock().now();
        self.write(|conn| {
            Self::take_back(conn, found.user.id, &found.email, how, now, |conn| {
                spend_previous(conn, found, now)
            })
        })
    }

    /// Takes an account back as it was before a change of its second factors. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token was used meanwhile or the account is disabled, and
    /// [`DbError::AlreadyExists`] if another account has the address and has verified it.
    pub fn undo_factor_change(
        &self,
        token: &EmailRevertTokenDigest,
        found: &ActiveFactorUndo,
        how: &TakeBack<'_>,
    ) -> Result<(), DbError> {
        let now = self.clock().now();
        let user_id = found.user.id;
        self.write(|conn| {
            Self::take_back(conn, user_id, &found.email, how, now, |conn| {
                let found = find_undo(conn, token, now)?;
                let (_, _, changed_at) = found.ok_or(DbError::NoResultFound)?;
                let since = Timestamp::from_seconds(changed_at);
                remove_since(conn, user_id, since)?;
                Ok(since)
            })
        })
    }

    /// Gives an account to an address that it had at some time. The password and everything that
    /// gives access end, and so do the second factors that were set up since. An account that has
    /// registered the address without verifying it is deleted. The address gets a mail with a
    /// reset token. `spend` uses the token up, and returns since when the account is not trusted.
    fn take_back(
        conn: &mut AnyConnection,
        user_id: UserId,
        email: &Email,
        how: &TakeBack<'_>,
        now: Timestamp,
        spend: impl FnOnce(&mut AnyConnection) -> Result<Timestamp, DbError>,
    ) -> Result<(), DbError> {
        let key = email.key();
        // Every change of sessions and tokens locks the user's row first.
        let user = users::table.filter(users::id.eq(user_id.get()));
        diesel::update(user)
            .set(users::id.eq(users::id))
            .execute(conn)?;
        if is_disabled(conn, user_id)? {
            return Err(DbError::NoResultFound);
        }
        let mut usurper = owner_of(conn, &key)?.filter(|owner| *owner != user_id);
        if let Some(owner) = usurper
            && has_proved(conn, owner, &key)?
        {
            usurper = None;
        }
        if let Some(usurper) = usurper {
            Self::delete_user_row(conn, usurper)?;
        }
        diesel::update(user)
            .set((
                users::email.eq(email.as_str()),
                users::email_key.eq(key.as_str()),
                users::hashed_password.eq(HashedPassword::unusable().expose()),
            ))
            .execute(conn)
            .map_err(|error| taken_or(error, email))?;
        let since = spend(conn)?;
        revoke_all(conn, user_id, (SessionEnd::TakenBack, now))?;
        end_undos(conn, user_id, since)?;
        remove_factors_since(conn, user_id, since)?;
        clear_account_limits(conn, &key)?;
        verify(conn, user_id, &key, now)?;
        let change = NewFactorChange {
            kind: FactorChangeKind::Undone,
            email,
            client: how.client,
            notice: None,
            undo: None,
        };
        note_change(conn, user_id, &change, now)?;
        queue(conn, Some(user_id), how.reset, now)?;
        if let Some(notice) = how.notice {
            queue_within(conn, Some(user_id), notice, now)?;
        }
        if let Some(usurper) = usurper {
            let deletion = NewAuditEvent::deletion(usurper, Actor::Client, now);
            erase_and_append(conn, usurper, &deletion)?;
        }
        Ok(())
    }
}
