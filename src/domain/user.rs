//! Users and their ids.

use std::fmt;

use super::{Email, HashedPassword, ResetTokenDigest, SessionDigest};

/// The id of a user. Ids are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(i64);

impl UserId {
    /// An id, whether or not such a user exists.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A row of the table `users`, with the five attributes of the reference service.
///
/// It is a copy: changing it changes nothing in the database. It is displayed as
/// `<User #1 bob@bob.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The primary key.
    pub id: UserId,
    /// The address as it was registered.
    pub email: Email,
    /// The password as it is stored.
    pub hashed_password: HashedPassword,
    /// The digest of the newest session, if there is one. The table `sessions` decides whether
    /// it is still valid.
    pub session_id: Option<SessionDigest>,
    /// The digest of the newest reset token, if there is one.
    pub reset_token: Option<ResetTokenDigest>,
}

impl User {
    /// The table's name.
    pub const TABLE_NAME: &'static str = "users";

    /// The attributes and their SQL types, in the table's order.
    pub const COLUMNS: [(&'static str, &'static str); 5] = [
        ("id", "INTEGER"),
        ("email", "VARCHAR(250)"),
        ("hashed_password", "VARCHAR(250)"),
        ("session_id", "VARCHAR(250)"),
        ("reset_token", "VARCHAR(250)"),
    ];
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<User #{} {}>", self.id, self.email)
    }
}
