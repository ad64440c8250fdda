//! An invitation to register.

use super::{Email, GroupName, Timestamp};

/// A link with which a person may register once, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its number, by which an operator revokes it.
    pub id: i64,
    /// The address that may register, and becomes verified; none if any address may.
    pub email: Option<Email>,
    /// The group that the new user joins.
    pub group: Option<GroupName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether a person may register that address with it.
    #[must_use]
    pub fn is_for(&self, email: &Email) -> bool {
        let own = self.email.as_ref();
        own.is_none_or(|own| own.key() == email.key())
    }
}
