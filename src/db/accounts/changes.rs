//! Account changes that require re-authentication.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::{known_clients, users};
use crate::db::tables::audit_events::erase_and_append;
use crate::db::tables::email_tokens::end_changes;
use crate::db::tables::ended_sessions::end_sessions_of;
use crate::db::tables::outbox::priority::priority_of;
use crate::db::tables::outbox::{RateLimitedMail, queue_before, queue_within};
use crate::db::tables::previous_emails::is_reserved;
use crate::db::tables::revocation::revoke_tokens;
use crate::db::tables::sessions::{NewSession, sync_legacy_columns, sync_newest_session};
use crate::db::tables::throttle::{RateLimited, count_all};
use crate::db::tables::users::owner_of;
use crate::db::{DB, DbError, LoginSideEffects};
use crate::domain::{
    Actor, HashedPassword, LimitCheck, NewAuditEvent, NormalizedEmail, SessionDigest, SessionEnd,
    SessionLevel, UserId,
};

/// The state of an account after a change of its password.
#[derive(Debug, Clone)]
pub struct PasswordUpdate<'a> {
    /// The hash of the new password.
    pub hashed_password: &'a HashedPassword,
    /// A new session, the only one that is left. It gets the level of the session that it replaces.
    pub session: &'a NewSession<'a>,
    /// The side effects of the right password.
    pub side_effects: &'a LoginSideEffects,
    /// The marks by which the account still knows the client. All other clients are forgotten.
    pub client_marks: &'a [String],
    /// The notification to the owner.
    pub notice: Option<RateLimitedMail>,
}

/// A user who has given the password again. The change is refused if any of this is no longer
/// true when it is written.
#[derive(Debug, Clone, Copy)]
pub struct Reauthenticated<'a> {
    /// The user.
    pub user_id: UserId,
    /// The stored password against which the given one was verified.
    pub checked: &'a HashedPassword,
    /// The session of the request.
    pub session: &'a SessionDigest,
    /// The rate limit of account changes.
    pub limit: &'a [LimitCheck],
}

/// The confirmation mail for an email change, and its limits.
#[derive(Debug, Clone, Copy)]
pub struct EmailConfirmation<'a> {
    /// The mail to the new address.
    pub mail: &'a RateLimitedMail,
    /// The rate limit of requests for a new address.
    pub limit: &'a [LimitCheck],
    /// The side effects of the right password.
    pub side_effects: &'a LoginSideEffects,
}

impl DB {
    /// Stores a new password, ends all sessions and tokens of the user, forgets the other known
    /// clients, opens a new session, settles the rate limits, and queues a notification. Blocks
    /// for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended meanwhile.
    pub fn replace_password(
        &self,
        who: &Reauthenticated<'_>,
        new: &PasswordUpdate<'_>,
    ) -> Result<Result<(), RateLimited>, DbError> {
        let id = who.user_id.get();
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            let level = self.lock_if_unchanged(conn, who)?;
            diesel::update(users::table.filter(users::id.eq(id)))
                .set((
                    users::hashed_password.eq(new.hashed_password.expose()),
                    users::session_id.eq(new.session.digest.to_hex()),
                ))
                .execute(conn)?;
            let why = (SessionEnd::PasswordChanged, now);
            end_sessions_of(conn, who.user_id, None, why)?;
            let others = known_clients::table
                .filter(known_clients::user_id.eq(id))
                .filter(known_clients::mark.ne_all(new.client_marks));
            diesel::delete(others).execute(conn)?;
            revoke_tokens(conn, who.user_id)?;
            let session = NewSession {
                level,
                ..*new.session
            };
            self.insert_session(conn, &session)?;
            self.settle(conn, who.user_id, new.side_effects)?;
            if let Some(notice) = &new.notice {
                queue_within(conn, Some(who.user_id), notice, now)?;
            }
            Ok(Ok(()))
        })
    }

    /// Deletes the account with its data, except reserved former addresses, and queues
    /// notifications, whose rows refer to no account any more. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended meanwhile.
    pub fn delete_account(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        notices: &[RateLimitedMail],
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            self.settle(conn, who.user_id, side_effects)?;
            let priority = priority_of(conn, Some(who.user_id), &[], now)?;
            Self::delete_user_row(conn, who.user_id)?;
            for notice in notices {
                queue_before(conn, None, notice, priority, now)?;
            }
            let deletion = NewAuditEvent::deletion(who.user_id, Actor::Client, now);
            erase_and_append(conn, who.user_id, &deletion)?;
            Ok(Ok(()))
        })
    }

    /// Queues a confirmation mail to the new address, if no other account has the address and its
    /// budget allows a mail. For a taken address it queues a decoy by the same statements.
    /// Settles the rate limits. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended meanwhile.
    pub fn ask_for_email(
        &self,
        who: &Reauthenticated<'_>,
        new: &NormalizedEmail,
        asking: &EmailConfirmation<'_>,
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            sync_newest_session(conn, who.user_id)?;
            self.settle(conn, who.user_id, asking.side_effects)?;
            if let Err(limited) = count_all(conn, asking.limit, now)? {
                return Ok(Err(limited));
            }
            let owner = owner_of(conn, new)?;
            let is_reserved = is_reserved(conn, new, Some(who.user_id), now)?;
            let is_free = owner.is_none_or(|owner| owner == who.user_id) && !is_reserved;
            let to = Some(who.user_id).filter(|_| is_free);
            let priority = priority_of(conn, Some(who.user_id), &[], now)?;
            if queue_before(conn, to, asking.mail, priority, now)? {
                // For a taken address too: otherwise an older token that still works would
                // reveal that the address is taken.
                end_changes(conn, who.user_id, asking.mail)?;
            }
            Ok(Ok(()))
        })
    }

    /// Locks the user's row, checks that password and session are still the same, and returns the
    /// level of the session. It clears `users.session_id`; the caller writes that again or deletes
    /// the row.
    pub(in crate::db) fn lock_if_unchanged(
        &self,
        conn: &mut AnyConnection,
        who: &Reauthenticated<'_>,
    ) -> Result<SessionLevel, DbError> {
        let stored = sync_legacy_columns(conn, who.user_id, None)?.ok_or(DbError::NoResultFound)?;
        let (owner, level) = self.owner(conn, who.session)?;
        if stored != who.checked.expose() || owner != who.user_id {
            return Err(DbError::NoResultFound);
        }
        Ok(level)
    }
}
