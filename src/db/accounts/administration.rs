//! Acts of administrators: the record of a password given again, under the lock of the account.

use super::changes::Reauthenticated;
use crate::db::tables::groups::is_member;
use crate::db::tables::sessions::sync_newest_session;
use crate::db::tables::throttle::{RateLimited, count_all};
use crate::db::{DB, DbError, LoginSideEffects};
use crate::domain::GroupName;

impl DB {
    /// Counts an act of an administrator who has given the password again, and settles the rate
    /// limits. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced, the session ended, or the user is
    /// no longer in the group.
    pub fn record_administrator(
        &self,
        who: &Reauthenticated<'_>,
        group: &GroupName,
        side_effects: &LoginSideEffects,
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            if !is_member(conn, group, who.user_id)? {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, who.user_id)?;
            self.settle(conn, who.user_id, side_effects)?;
            Ok(Ok(()))
        })
    }
}
