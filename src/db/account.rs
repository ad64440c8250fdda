//! What only somebody may do who has just given the password again.

use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::schema::{sessions, users};
use super::sessions::{NewSession, mirror};
use super::{DB, DbError, Settlement};
use crate::domain::{HashedPassword, SessionDigest, UserId};

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
    /// Stores a new password, ends all sessions of the user and what could reset the
    /// password, opens one new session, and settles what the guess was counted by. All or
    /// nothing; blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn replace_password(
        &self,
        who: &Reauthenticated<'_>,
        password: &HashedPassword,
        new: &NewSession<'_>,
        settlement: &Settlement,
    ) -> Result<(), DbError> {
        self.write(|conn| {
            self.lock_if_unchanged(conn, who)?;
            diesel::update(users::table.filter(users::id.eq(who.user_id.get())))
                .set((
                    users::hashed_password.eq(password.expose()),
                    users::session_id.eq(new.digest.as_str()),
                    users::reset_token.eq(None::<String>),
                ))
                .execute(conn)?;
            diesel::delete(sessions::table.filter(sessions::user_id.eq(who.user_id.get())))
                .execute(conn)?;
            self.insert_session(conn, new)?;
            self.settle(conn, who.user_id, settlement)
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
