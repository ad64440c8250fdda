//! The dates of an account.

use super::Timestamp;

/// When an account was registered, last used and disabled. Unknown dates are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountDates {
    /// When it was registered; unknown for an account from before this was recorded.
    pub created_at: Option<Timestamp>,
    /// The last login that opened a session.
    pub last_login_at: Option<Timestamp>,
    /// When it was disabled; none if it is not.
    pub disabled_at: Option<Timestamp>,
}

impl AccountDates {
    /// Whether it is certain that there was no login. For an account from before logins were
    /// recorded, it is not.
    #[must_use]
    pub fn has_no_login(&self) -> bool {
        self.created_at.is_some() && self.last_login_at.is_none()
    }
}
