//! The table `former_emails`: recent former addresses of users.
//!
//! While a row exists, the owner of the mailbox can take the account back, and no other account
//! can get the address if it was verified.

use std::time::Duration;

use diesel::prelude::*;

use super::outbox::{QueuedMail, RateLimitedMail, queue, queue_within};
use super::revocation::revoke_all;
use super::throttle::admin::clear_account_limits;
use super::users::{COLUMNS, UserRow, owner_of, taken_or};
use super::verified_emails::{has_proved, verify};
use super::{passkeys, totp};
use crate::db::accounts::second_factor::remove_factors;
use crate::db::connection::AnyConnection;
use crate::db::schema::{former_emails, users};
use crate::db::{CLOCK_SLACK, DB, DbError};
use crate::domain::{
    Email, EmailRevertTokenDigest, HashedPassword, NormalizedEmail, PreviousEmail, Timestamp, User,
    UserId,
};

/// A former address with a valid undo token.
#[derive(Debug, Clone)]
pub struct ActivePreviousEmail {
    /// The user, with the current address.
    pub user: User,
    /// The former address.
    pub email: Email,
    id: i64,
}

impl DB {
    /// Stores a token that restores a former address; it replaces an older one. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the former address has expired.
    pub fn set_email_revert_token(
        &self,
        user_id: UserId,
        former: &NormalizedEmail,
        token: &EmailRevertTokenDigest,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let newest: i64 = former_emails::table
                .filter(former_emails::user_id.eq(user_id.get()))
                .filter(former_emails::email_key.eq(former.as_str()))
                .filter(is_kept(now))
                .order(former_emails::id.desc())
                .select(former_emails::id)
                .limit(1)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            let row = former_emails::table.filter(former_emails::id.eq(newest));
            let set = diesel::update(row).set(former_emails::digest.eq(token.to_hex()));
            match set.execute(conn)? {
                0 => Err(DbError::NoResultFound),
                _ => Ok(()),
            }
        })
    }

    /// Finds the former address of an undo token. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the token is not valid (any more).
    pub fn find_previous_email(
        &self,
        token: &EmailRevertTokenDigest,
    ) -> Result<ActivePreviousEmail, DbError> {
        let now = self.settings.clock.now();
        // The outer join fixes the order of the lookups, regardless of the planner's statistics.
        let (id, email, user): (i64, String, Option<UserRow>) = self
            .read(|conn| {
                former_emails::table
                    .left_join(users::table)
                    .filter(former_emails::digest.eq(token.to_hex()))
                    .filter(is_kept(now))
                    .select((former_emails::id, former_emails::email, COLUMNS.nullable()))
                    .get_result(conn)
                    .optional()
            })?
            .ok_or(DbError::NoResultFound)?;
        Ok(ActivePreviousEmail {
            user: user.ok_or(DbError::NoResultFound)?.into(),
            email: Email::from_stored(email),
            id,
        })
    }

    /// Restores a former address, because an attacker may have changed it. It removes the
    /// password, ends all sessions and tokens, deletes later former addresses, and removes a second
    /// factor that was set up since. It deletes an
    /// account that has registered the address since without verifying it. It queues a mail with
    /// a reset token to the owner, and a notification to the address that loses the account.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the address was restored meanwhile, and
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
            let row = former_emails::table
                .filter(former_emails::id.eq(found.id))
                .filter(is_kept(now));
            let changed_at: i64 = diesel::delete(row)
                .returning(former_emails::changed_at)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            let later = former_emails::table
                .filter(former_emails::user_id.eq(user_id.get()))
                .filter(former_emails::id.gt(found.id));
            diesel::delete(later).execute(conn)?;
            revoke_all(conn, user_id)?;
            let changed_at = Timestamp::from_seconds(changed_at);
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

    /// The stored former addresses of a user, newest first. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn previous_emails_of(&self, user_id: UserId) -> Result<Vec<PreviousEmail>, DbError> {
        let rows: Vec<(String, i64, i64)> = self.read(|conn| {
            former_emails::table
                .filter(former_emails::user_id.eq(user_id.get()))
                .order(former_emails::id.desc())
                .select((
                    former_emails::email,
                    former_emails::changed_at,
                    former_emails::expires_at,
                ))
                .load(conn)
        })?;
        let former = |(email, changed_at, expires_at)| PreviousEmail {
            email,
            changed_at: Timestamp::from_seconds(changed_at),
            expires_at: Timestamp::from_seconds(expires_at),
        };
        Ok(rows.into_iter().map(former).collect())
    }
}

/// Stores the address of a user who gets a new one. It is reserved only if the user has verified
/// it; otherwise an attacker could reserve the address of another person.
pub(in crate::db) fn reserve_previous(
    conn: &mut AnyConnection,
    user_id: UserId,
    email: &Email,
    now: Timestamp,
    for_long: Duration,
) -> Result<(), DbError> {
    let is_proved = has_proved(conn, user_id, &email.key())?;
    diesel::insert_into(former_emails::table)
        .values((
            former_emails::user_id.eq(user_id.get()),
            former_emails::email.eq(email.as_str()),
            former_emails::email_key.eq(email.key().as_str()),
            former_emails::changed_at.eq(now.seconds()),
            former_emails::expires_at.eq(now.plus(for_long).seconds()),
            former_emails::reserved.eq(i64::from(is_proved)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether an address is reserved for another user than `from`.
pub(in crate::db) fn is_reserved(
    conn: &mut AnyConnection,
    email: &NormalizedEmail,
    from: Option<UserId>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let holders: Vec<Option<i64>> = former_emails::table
        .filter(former_emails::email_key.eq(email.as_str()))
        .filter(former_emails::reserved.ne(0))
        .filter(is_kept(now))
        .select(former_emails::user_id)
        .load(conn)?;
    let from = from.map(UserId::get);
    Ok(holders
        .iter()
        .any(|holder| holder.is_none() || *holder != from))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_kept(now: Timestamp) -> _ {
    let latest: Timestamp = now.plus(CLOCK_SLACK);
    let (now, latest): (i64, i64) = (now.seconds(), latest.seconds());
    former_emails::expires_at
        .gt(now)
        .and(former_emails::changed_at.le(latest))
}
