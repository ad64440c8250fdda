//! The table `users`.

pub(in crate::db) mod changes;
pub(in crate::db) mod filter;

use diesel::prelude::*;

use super::account_dates::note_registration;
use super::pending_logins::end_pending;
use super::previous_emails::is_reserved;
use super::sessions::NewSession;
use crate::db::connection::AnyConnection;
use crate::db::error::is_taken_email;
use crate::db::schema::{password_resets, sessions, users};
use crate::db::{CLOCK_SLACK, DB, DbError, InvalidRequest, UserChanges, UserFilter};
use crate::domain::{
    Client, Email, HashedPassword, Language, NormalizedEmail, Purpose, ResetTokenDigest,
    SessionDigest, SessionLevel, TokenDigest, User, UserId,
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
            session_id: digest(row.session_id.as_deref()),
            reset_token: digest(row.reset_token.as_deref()),
        }
    }
}

/// A digest in a column of the reference service; none if the text is not a digest.
fn digest<P: Purpose>(stored: Option<&str>) -> Option<TokenDigest<P>> {
    stored.and_then(TokenDigest::from_hex)
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
#[expect(
    clippy::option_option,
    reason = "in Diesel, the outer option is whether to change the column"
)]
struct ChangedColumns {
    email: Option<String>,
    email_key: Option<String>,
    hashed_password: Option<String>,
    session_id: Option<Option<String>>,
    reset_token: Option<Option<String>>,
}

impl From<&UserChanges> for ChangedColumns {
    fn from(changes: &UserChanges) -> Self {
        let UserChanges {
            email,
            hashed_password,
            session_id,
            reset_token,
        } = changes;
        Self {
            email: email.as_ref().map(Email::to_string),
            email_key: email.as_ref().map(|email| email.key().as_str().to_owned()),
            hashed_password: hashed_password
                .as_ref()
                .map(|hash| hash.expose().to_owned()),
            session_id: session_id
                .as_ref()
                .map(|id| id.as_ref().map(SessionDigest::to_hex)),
            reset_token: reset_token
                .as_ref()
                .map(|token| token.as_ref().map(ResetTokenDigest::to_hex)),
        }
    }
}

impl DB {
    /// Adds a user and returns it. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email is taken, in this or another spelling, or is
    /// reserved as a former address of another user.
    pub fn add_user(
        &self,
        email: &Email,
        hashed_password: &HashedPassword,
    ) -> Result<User, DbError> {
        self.write(|conn| self.insert_user(conn, email, hashed_password, None))
    }

    pub(in crate::db) fn insert_user(
        &self,
        conn: &mut AnyConnection,
        email: &Email,
        hashed_password: &HashedPassword,
        language: Option<Language>,
    ) -> Result<User, DbError> {
        let key = email.key();
        let user: User = diesel::insert_into(users::table)
            .values((
                users::email.eq(email.as_str()),
                users::email_key.eq(key.as_str()),
                users::hashed_password.eq(hashed_password.expose()),
            ))
            .returning(COLUMNS)
            .get_result::<UserRow>(conn)
            .map(User::from)
            .map_err(|error| taken_or(error, email))?;
        // After the insert, which waits for a user who is just giving the address up.
        if is_reserved(conn, &key, None, self.settings.clock.now())? {
            return Err(DbError::AlreadyExists(email.clone()));
        }
        note_registration(conn, user.id, language, self.settings.clock.now())?;
        Ok(user)
    }

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
                    let session = sessions::table.filter(valid.holds_for(digest));
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

    /// Changes a user. A new session id replaces all sessions of the user, `None` ends them.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist, [`DbError::InvalidRequest`] if
    /// there are no changes, [`DbError::AlreadyExists`] if the new email is taken.
    pub fn update_user(&self, user_id: UserId, changes: &UserChanges) -> Result<(), DbError> {
        if changes.is_empty() {
            return Err(InvalidRequest::NoChanges.into());
        }
        self.write(|conn| {
            diesel::update(users::table.filter(users::id.eq(user_id.get())))
                .set(ChangedColumns::from(changes))
                .returning(users::id)
                .get_result::<i64>(conn)
                .optional()
                .map_err(|error| match &changes.email {
                    Some(email) => taken_or(error, email),
                    None => error.into(),
                })?
                .ok_or(DbError::NoResultFound)?;
            if changes.hashed_password.is_some() || changes.email.is_some() {
                end_pending(conn, user_id)?;
            }
            if let Some(session_id) = &changes.session_id {
                self.replace_sessions(conn, user_id, session_id.as_ref())?;
            }
            Ok(())
        })
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

    /// Deletes a user with all their data. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist.
    pub fn delete_user(&self, user_id: UserId) -> Result<(), DbError> {
        self.write(|conn| Self::delete_user_row(conn, user_id))
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

    fn replace_sessions(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        session_id: Option<&SessionDigest>,
    ) -> Result<(), DbError> {
        diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id.get())))
            .execute(conn)?;
        if let Some(digest) = session_id {
            let client = Client::default();
            self.insert_session(
                conn,
                &NewSession {
                    user_id,
                    digest,
                    client: &client,
                    level: SessionLevel::Password,
                },
            )?;
        }
        Ok(())
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
