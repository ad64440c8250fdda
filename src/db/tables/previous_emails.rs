//! The table `former_emails`: recent former addresses of users.
//!
//! While a row exists, the owner of the mailbox can take the account back, and no other account
//! can get the address if it was verified.

use std::time::Duration;

use diesel::prelude::*;

use super::users::{COLUMNS, UserRow};
use super::verified_emails::has_proved;
use crate::db::connection::AnyConnection;
use crate::db::schema::{former_emails, users};
use crate::db::{CLOCK_SLACK, DB, DbError};
use crate::domain::{
    Email, EmailRevertTokenDigest, NormalizedEmail, PreviousEmail, Timestamp, User, UserId,
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
    /// [`DbError::NoResultFound`] if the token is not valid.
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

/// Deletes a former address that becomes the current one again, and the user's later ones. Returns
/// when it was changed.
pub(in crate::db) fn spend_previous(
    conn: &mut AnyConnection,
    found: &ActivePreviousEmail,
    now: Timestamp,
) -> Result<Timestamp, DbError> {
    let row = former_emails::table
        .filter(former_emails::id.eq(found.id))
        .filter(is_kept(now));
    let changed_at: i64 = diesel::delete(row)
        .returning(former_emails::changed_at)
        .get_result(conn)
        .optional()?
        .ok_or(DbError::NoResultFound)?;
    let later = former_emails::table
        .filter(former_emails::user_id.eq(found.user.id.get()))
        .filter(former_emails::id.gt(found.id));
    diesel::delete(later).execute(conn)?;
    Ok(Timestamp::from_seconds(changed_at))
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

/// Removes the former addresses of a user that were replaced at a given time or later: they may be
/// an attacker's.
pub(in crate::db) fn remove_since(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<(), DbError> {
    let later = former_emails::table
        .filter(former_emails::user_id.eq(user_id.get()))
        .filter(former_emails::changed_at.ge(since.seconds()));
    diesel::delete(later).execute(conn)?;
    Ok(())
}
