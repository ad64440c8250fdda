//! What only somebody may do who has just given the password again.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::{known_clients, sessions, users};
use crate::db::tables::email_tokens::end_changes;
use crate::db::tables::outbox::priority::priority_of;
use crate::db::tables::outbox::{BudgetedMail, queue_before, queue_within};
use crate::db::tables::previous_emails::is_reserved;
use crate::db::tables::revocation::revoke_tokens;
use crate::db::tables::sessions::{NewSession, mirror, mirror_newest};
use crate::db::tables::throttle::{LimitCheck, RateLimited, count_all};
use crate::db::tables::users::owner_of;
use crate::db::{DB, DbError, LoginSideEffects};
use crate::domain::{EmailKey, HashedPassword, SessionDigest, SessionLevel, UserId};

/// What a change of password leaves.
#[derive(Debug, Clone)]
pub struct Replaced<'a> {
    /// What is stored of the new password.
    pub hashed_password: &'a HashedPassword,
    /// The one session that is left, a new one, of the level that the one before it has.
    pub session: &'a NewSession<'a>,
    /// What the guess was counted by.
    pub settlement: &'a LoginSideEffects,
    /// By what the account goes on knowing the client; all other clients are forgotten.
    pub client_marks: &'a [String],
    /// What the owner is told of it.
    pub notice: Option<BudgetedMail>,
}

/// Who gave the password again, and against what it was checked. All of it must still be
/// so when it is written.
#[derive(Debug, Clone, Copy)]
pub struct Reauthenticated<'a> {
    /// Whose account it is.
    pub user_id: UserId,
    /// The stored password that was right.
    pub checked: &'a HashedPassword,
    /// The session in which it was given.
    pub session: &'a SessionDigest,
    /// How often the account may be changed.
    pub limit: &'a [LimitCheck],
}

/// The mail that a new address is asked by.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// What asks.
    pub mail: &'a BudgetedMail,
    /// How often an account may ask.
    pub limit: &'a [LimitCheck],
    /// What the guess was counted by.
    pub settlement: &'a LoginSideEffects,
}

impl DB {
    /// Stores a new password, ends all sessions and tokens of the user, forgets the other known
    /// clients, opens one new session, settles what the guess was counted by, and queues a notice. All or nothing; blocks for
    /// one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn replace_password(
        &self,
        who: &Reauthenticated<'_>,
        new: &Replaced<'_>,
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
            diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(conn)?;
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
            self.settle(conn, who.user_id, new.settlement)?;
            if let Some(notice) = &new.notice {
                queue_within(conn, Some(who.user_id), notice, now)?;
            }
            Ok(Ok(()))
        })
    }

    /// Deletes the account and all that hangs on it, but for former addresses that are kept,
    /// and queues notices, which are to no account any more. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn delete_account(
        &self,
        who: &Reauthenticated<'_>,
        settlement: &LoginSideEffects,
        notices: &[BudgetedMail],
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            self.settle(conn, who.user_id, settlement)?;
            let priority = priority_of(conn, Some(who.user_id), &[], now)?;
            Self::delete_user_row(conn, who.user_id)?;
            for notice in notices {
                queue_before(conn, None, notice, priority, now)?;
            }
            Ok(Ok(()))
        })
    }

    /// Queues a mail to the address that the account shall get, if nobody has it and its
    /// budget allows it; to nobody, by the same statements, if somebody does. Settles what the
    /// guess was counted by. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn ask_for_email(
        &self,
        who: &Reauthenticated<'_>,
        new: &EmailKey,
        asking: &Asking<'_>,
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            mirror_newest(conn, who.user_id)?;
            self.settle(conn, who.user_id, asking.settlement)?;
            if let Err(limited) = count_all(conn, asking.limit, now)? {
                return Ok(Err(limited));
            }
            let owner = owner_of(conn, new)?;
            let is_reserved = is_reserved(conn, new, Some(who.user_id), now)?;
            let is_free = owner.is_none_or(|owner| owner == who.user_id) && !is_reserved;
            let to = Some(who.user_id).filter(|_| is_free);
            let priority = priority_of(conn, Some(who.user_id), &[], now)?;
            if queue_before(conn, to, asking.mail, priority, now)? {
                // For a taken address too: an older token that still works would tell.
                end_changes(conn, who.user_id, asking.mail)?;
            }
            Ok(Ok(()))
        })
    }

    /// Locks the user's row, and returns the session's level. The mirror is cleared by it: whoever
    /// calls this writes it anew, or deletes the row.
    pub(in crate::db) fn lock_if_unchanged(
        &self,
        conn: &mut AnyConnection,
        who: &Reauthenticated<'_>,
    ) -> Result<SessionLevel, DbError> {
        let stored = mirror(conn, who.user_id, None)?.ok_or(DbError::NoResultFound)?;
        let (owner, level) = self.owner(conn, who.session)?;
        if stored != who.checked.expose() || owner != who.user_id {
            return Err(DbError::NoResultFound);
        }
        Ok(level)
    }
}
