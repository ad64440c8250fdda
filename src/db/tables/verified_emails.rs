//! The table `verified_emails`: users who have verified their address.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::{users, verified_emails};
use crate::db::{DB, DbError};
use crate::domain::{NormalizedEmail, Timestamp, UserId};

impl DB {
    /// When a user has verified the current address; none if it is not verified. Blocks for one
    /// lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn email_verified_at(&self, user_id: UserId) -> Result<Option<Timestamp>, DbError> {
        let verified_at: Option<i64> = self.read(|conn| {
            let address = users::table.filter(users::id.eq(user_id.get()));
            let address = address.select(users::email_key).single_value();
            verified_emails::table
                .filter(verified_emails::user_id.eq(user_id.get()))
                .filter(verified_emails::email_key.nullable().eq(address))
                .select(verified_emails::verified_at)
                .get_result(conn)
                .optional()
        })?;
        Ok(verified_at.map(Timestamp::from_seconds))
    }

    /// Marks an address as verified by an operator, if the user has it. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist or has another address.
    pub fn set_email_verified(
        &self,
        user_id: UserId,
        email: &NormalizedEmail,
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let user = users::table
                .filter(users::id.eq(user_id.get()))
                .filter(users::email_key.eq(email.as_str()));
            // Every change of addresses locks the user's row first.
            let same = diesel::update(user).set(users::id.eq(users::id));
            if same.execute(conn)? == 0 {
                return Err(DbError::NoResultFound);
            }
            verify(conn, user_id, email, now)
        })
    }
}

/// Marks an address of the user as verified, within a transaction.
pub(in crate::db) fn verify(
    conn: &mut AnyConnection,
    user_id: UserId,
    email: &NormalizedEmail,
    now: Timestamp,
) -> Result<(), DbError> {
    let older = verified_emails::table.filter(verified_emails::user_id.eq(user_id.get()));
    diesel::delete(older).execute(conn)?;
    diesel::insert_into(verified_emails::table)
        .values((
            verified_emails::user_id.eq(user_id.get()),
            verified_emails::email_key.eq(email.as_str()),
            verified_emails::verified_at.eq(now.seconds()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether the user has verified this address.
pub(in crate::db) fn has_proved(
    conn: &mut AnyConnection,
    user_id: UserId,
    email: &NormalizedEmail,
) -> Result<bool, DbError> {
    let proved: Option<i64> = verified_emails::table
        .filter(verified_emails::user_id.eq(user_id.get()))
        .filter(verified_emails::email_key.eq(email.as_str()))
        .select(verified_emails::user_id)
        .get_result(conn)
        .optional()?;
    Ok(proved.is_some())
}
