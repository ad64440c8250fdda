//! The owner of a former address takes the account back.

use diesel::prelude::*;

use super::second_factor::remove_factors;
use crate::db::schema::users;
use crate::db::tables::account_dates::is_disabled;
use crate::db::tables::outbox::{QueuedMail, RateLimitedMail, queue, queue_within};
use crate::db::tables::previous_emails::{ActivePreviousEmail, spend_previous};
use crate::db::tables::revocation::revoke_all;
use crate::db::tables::throttle::admin::clear_account_limits;
use crate::db::tables::users::{owner_of, taken_or};
use crate::db::tables::verified_emails::{has_proved, verify};
use crate::db::tables::{passkeys, totp};
use crate::db::{DB, DbError};
use crate::domain::HashedPassword;

impl DB {
    /// Restores a former address, because an attacker may have changed it. It removes the
    /// password, ends all sessions and tokens, deletes later former addresses, and removes a second
    /// factor that was set up since. It deletes an
    /// account that has registered the address since without verifying it. It queues a mail with
    /// a reset token to the owner, and a notification to the address that loses the account.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the address was restored meanwhile or the account is
    /// disabled, and
    /// [`DbError::AlreadyExists`] if another account has it and has verified it.
    pub fn revert_email(
        &self,
        found: &ActivePreviousEmail,
        mail: &QueuedMail,
        notice: Option<&RateLimitedMail>,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        let user_id = found.user.id;
        let key = found.email.key();
        self.write(|conn| {
            // Every change of sessions and tokens locks the user's row first.
            let user = users::table.filter(users::id.eq(user_id.get()));
            diesel::update(user)
                .set(users::id.eq(users::id))
                .execute(conn)?;
            if is_disabled(conn, user_id)? {
                return Err(DbError::NoResultFound);
            }
            let usurper = owner_of(conn, &key)?.filter(|owner| *owner != user_id);
            if let Some(usurper) = usurper
                && !has_proved(conn, usurper, &key)?
            {
                Self::delete_user_row(conn, usurper)?;
            }
            diesel::update(user)
                .set((
                    users::email.eq(found.email.as_str()),
                    users::email_key.eq(key.as_str()),
                    users::hashed_password.eq(HashedPassword::unusable().expose()),
                ))
                .execute(conn)
                .map_err(|error| taken_or(error, &found.email))?;
            let changed_at = spend_previous(conn, found, now)?;
            revoke_all(conn, user_id)?;
            if totp::is_newer(conn, user_id, changed_at)?
                || passkeys::is_newer(conn, user_id, changed_at)?
            {
                remove_factors(conn, user_id)?;
            }
            clear_account_limits(conn, &key)?;
            verify(conn, user_id, &key, now)?;
            queue(conn, Some(user_id), mail, now)?;
            if let Some(notice) = notice {
                queue_within(conn, Some(user_id), notice, now)?;
            }
            Ok(())
        })
    }
}
