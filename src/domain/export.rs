//! All data that is stored about an account, for its owner.

use super::Timestamp;

/// A token that was issued and is not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedToken {
    /// Its purpose.
    pub action: String,
    /// The address that it concerns, if there is one.
    pub email: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A queued mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMail {
    /// The mail kind.
    pub kind: String,
    /// The values for its template, in JSON.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the next attempt is due.
    pub due_at: Timestamp,
}

/// A former address of a user, which can still take the account back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousEmail {
    /// The address.
    pub email: String,
    /// When the account got a new address.
    pub changed_at: Timestamp,
    /// Until when it can take the account back.
    pub expires_at: Timestamp,
}

/// A device or network from which a user has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// The network; none for a device, which is known by its cookie.
    pub network: Option<String>,
    /// The last successful login.
    pub logged_in_at: Timestamp,
    /// When the account stops knowing the client.
    pub expires_at: Timestamp,
}

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
