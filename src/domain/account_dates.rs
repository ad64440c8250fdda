use super::Timestamp;

/// When things happened to an account. What is unknown is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountDates {
    /// When it was registered; unknown for an account that is older than the record.
    pub created_at: Option<Timestamp>,
    /// The last login that opened a session.
    pub last_login_at: Option<Timestamp>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
}

impl AccountDates {
    /// Whether there surely was no login: the account was registered on the record.
    #[must_use]
    pub fn has_no_login(&self) -> bool {
        self.created_at.is_some() && self.last_login_at.is_none()
    }
}
