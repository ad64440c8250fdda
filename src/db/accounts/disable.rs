//! Disabling and enabling an account.

use diesel::prelude::*;

use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{account_dates, outbox};
use crate::db::tables::revocation::revoke_all;
use crate::db::tables::sessions::sync_legacy_columns;
use crate::db::{DB, DbError};
use crate::domain::{SessionEnd, UserId};

const DISABLE: &str = "\
    INSERT INTO account_dates (user_id, disabled_at) VALUES ($1, $2) \
    ON CONFLICT (user_id) DO UPDATE SET disabled_at = excluded.disabled_at \
    WHERE account_dates.disabled_at IS NULL";

impl DB {
    /// Disables an account: ends its sessions, forgets its known clients, and revokes its tokens
    /// and all its queued mails. Returns whether it was enabled before. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user.
    pub fn disable_user(&self, user_id: UserId) -> Result<bool, DbError> {
        let now = self.settings.clock.now();
        self.write_locking(user_id, |conn| {
            sync_legacy_columns(conn, user_id, None)?.ok_or(DbError::NoResultFound)?;
            let disable: Statement = Statement::new(
                DISABLE,
                [Value::number(user_id.get()), Value::number(now.seconds())],
            );
            let is_new = disable.run(conn)? > 0;
            revoke_all(conn, user_id, (SessionEnd::Disabled, now))?;
            let mails = outbox::table.filter(outbox::user_id.eq(user_id.get()));
            diesel::delete(mails).execute(conn)?;
            Ok(is_new)
        })
    }

    /// Enables a disabled account. Returns whether it was disabled before. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn enable_user(&self, user_id: UserId) -> Result<bool, DbError> {
        self.write_locking(user_id, |conn| {
            let disabled = account_dates::table
                .filter(account_dates::user_id.eq(user_id.get()))
                .filter(account_dates::disabled_at.is_not_null());
            let enabled = diesel::update(disabled).set(account_dates::disabled_at.eq(None::<i64>));
            Ok(enabled.execute(conn)? > 0)
        })
    }
}
