//! The table `users`.

pub(in crate::db) mod changes;
pub(in crate::db) mod filter;

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::error::is_taken_email;
use crate::db::schema::{password_resets, sessions, users};
use crate::db::tables::audit_events::erase_and_append;
use crate::db::{CLOCK_SLACK, DB, DbError, UserFilter};
use crate::domain::{
    Actor, Email, HashedPassword, NewAuditEvent, NormalizedEmail, TokenDigest, User, UserId,
};

/// The columns of the reference service, in the order of [`UserRow`].
pub(in crate::db) const COLUMNS: (
    users::id,
    users::email,
    users::hashed_password,
    users::session_id,
    users::reset_token,
) = (
    users::id,
    users::email,
    users::hashed_password,
    users::session_id,
    users::reset_token,
);

/// A row of `users`.
#[derive(Queryable)]
pub(in crate::db) struct UserRow {
    pub(in crate::db) id: i64,
    pub(in crate::db) email: String,
    pub(in crate::db) hashed_password: String,
    pub(in crate::db) session_id: Option<String>,
    pub(in crate::db) reset_token: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId::new(row.id),
            email: Email::from_stored(row.email),
            hashed_password: HashedPassword::from_stored(row.hashed_password),
            session_id: row.session_id.as_deref().and_then(TokenDigest::from_hex),
            reset_token: row.reset_token.as_deref().and_then(TokenDigest::from_hex),
        }
    }
}

impl DB {
    /// Finds a user. Blocks for one lookup.
    ///
    /// Finds no user by a session or a reset token that has expired. A reset token that was set
    /// with [`DB::update_user`] has no expiry.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if no user matches the filter.
    pub fn find_user_by(&self, filter: impl Into<UserFilter>) -> Result<User, DbError> {
        let filter = filter.into();
        let valid = self.validity();
        let now = self.settings.clock.now();
        self.read(|conn| {
            let users = users::table.select(COLUMNS).order(users::id).into_boxed();
            let users = match &filter {
                UserFilter::Id(id) => users.filter(users::id.eq(id.get())),
                UserFilter::Email(key) => users.filter(users::email_key.eq(key.as_str())),
                UserFilter::HashedPassword(hash) => {
                    users.filter(users::hashed_password.eq(hash.expose()))
                }
                UserFilter::SessionId(digest) => {
                    let session = sessions::table
                        .filter(sessions::digest.eq(digest.as_bytes()))
                        .filter(valid.holds());
                    users.filter(users::id.eq_any(session.select(sessions::user_id)))
                }
                UserFilter::ResetToken(digest) => {
                    let digest = digest.to_hex();
                    let latest = now.plus(CLOCK_SLACK).seconds();
                    let expired = password_resets::table
                        .filter(password_resets::digest.eq(digest.clone()))
                        .filter(
                            password_resets::expires_at
                                .le(now.seconds())
                                .or(password_resets::created_at.gt(latest)),
                        );
                    users
                        .filter(users::reset_token.eq(digest))
                        .filter(users::id.ne_all(expired.select(password_resets::user_id)))
                }
            };
            users.get_result::<UserRow>(conn).optional()
        })?
        .map(User::from)
        .ok_or(DbError::NoResultFound)
    }

    /// Replaces a stored hash by a new hash of the same password, unless the password was changed
    /// meanwhile. Returns whether it did. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn replace_outdated_hash(
        &self,
        user_id: UserId,
        old: &HashedPassword,
        new: &HashedPassword,
    ) -> Result<bool, DbError> {
        self.write(|conn| {
            let same = users::table
                .filter(users::id.eq(user_id.get()))
                .filter(users::hashed_password.eq(old.expose()));
            let changed = diesel::update(same)
                .set(users::hashed_password.eq(new.expose()))
                .execute(conn)?;
            Ok(changed == 1)
        })
    }

    /// Deletes a user with all their data, and appends the audit event of it. Blocks for one
    /// transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist.
    pub fn delete_user(&self, user_id: UserId, by: Actor) -> Result<(), DbError> {
        let deletion = NewAuditEvent::deletion(user_id, by, self.clock().now());
        self.write(|conn| {
            Self::delete_user_row(conn, user_id)?;
            erase_and_append(conn, user_id, &deletion)
        })
    }

    pub(in crate::db) fn delete_user_row(
        conn: &mut AnyConnection,
        user_id: UserId,
    ) -> Result<(), DbError> {
        let user = users::table.filter(users::id.eq(user_id.get()));
        match diesel::delete(user).execute(conn)? {
            0 => Err(DbError::NoResultFound),
            _ => Ok(()),
        }
    }
}

/// The user with an address, if there is one.
pub(in crate::db) fn owner_of(
    conn: &mut AnyConnection,
    email: &NormalizedEmail,
) -> Result<Option<UserId>, DbError> {
    let owner: Option<i64> = users::table
        .filter(users::email_key.eq(email.as_str()))
        .select(users::id)
        .get_result(conn)
        .optional()?;
    Ok(owner.map(UserId::new))
}

pub(in crate::db) fn taken_or(error: diesel::result::Error, email: &Email) -> DbError {
    if is_taken_email(&error) {
        DbError::AlreadyExists(email.clone())
    } else {
        error.into()
    }
}
