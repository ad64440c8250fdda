//! What only somebody may do who has just given the password again.

use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::outbox::{NewMail, queue};
use super::schema::{email_tokens, password_resets, sessions, users};
use super::sessions::{NewSession, mirror};
use super::{DB, DbError, Settlement};
use crate::domain::{HashedPassword, SessionDigest, UserId};

/// What a change of password leaves.
#[derive(Debug, Clone)]
pub struct Replaced<'a> {
    /// What is stored of the new password.
    pub hashed_password: &'a HashedPassword,
    /// The one session that is left, a new one.
    pub session: &'a NewSession<'a>,
    /// What the guess was counted by.
    pub settlement: &'a Settlement,
    /// What the owner is told of it.
    pub notice: NewMail,
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
}

impl DB {
    /// Stores a new password, ends all sessions and tokens of the user, opens one new session,
    /// settles what the guess was counted by, and queues a notice. All or nothing; blocks for
    /// one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn replace_password(
        &self,
        who: &Reauthenticated<'_>,
        new: &Replaced<'_>,
    ) -> Result<(), DbError> {
        let id = who.user_id.get();
        self.write(|conn| {
            self.lock_if_unchanged(conn, who)?;
            diesel::update(users::table.filter(users::id.eq(id)))
                .set((
                    users::hashed_password.eq(new.hashed_password.expose()),
                    users::session_id.eq(new.session.digest.as_str()),
                    users::reset_token.eq(None::<String>),
                ))
                .execute(conn)?;
            diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(conn)?;
            diesel::delete(password_resets::table.filter(password_resets::user_id.eq(id)))
                .execute(conn)?;
            diesel::delete(email_tokens::table.filter(email_tokens::user_id.eq(id)))
                .execute(conn)?;
            self.insert_session(conn, new.session)?;
            self.settle(conn, who.user_id, new.settlement)?;
            queue(
                conn,
                Some(who.user_id),
                &new.notice,
                self.settings.clock.now(),
            )
        })
    }

    /// Deletes the account and all that hangs on it. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn delete_account(
        &self,
        who: &Reauthenticated<'_>,
        settlement: &Settlement,
    ) -> Result<(), DbError> {
        self.write(|conn| {
            self.lock_if_unchanged(conn, who)?;
            self.settle(conn, who.user_id, settlement)?;
            Self::delete_user_row(conn, who.user_id)
        })
    }

    /// The mirror is cleared by it: whoever calls this writes it anew, or deletes the row.
    fn lock_if_unchanged(
        &self,
        conn: &mut AnyConnection,
        who: &Reauthenticated<'_>,
    ) -> Result<(), DbError> {
        let stored = mirror(conn, who.user_id, None)?.ok_or(DbError::NoResultFound)?;
        if stored != who.checked.expose() || self.owner(conn, who.session)? != who.user_id {
            return Err(DbError::NoResultFound);
        }
        Ok(())
    }
}
