use std::time::Duration;

use super::{HashError, PasswordRefused};
use crate::db::{DbError, Limited};
use crate::domain::Email;

/// Why a use case did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no such user, or no such session.
    #[error("no result found")]
    NoResultFound,
    /// Somebody has that email, in this or another spelling.
    #[error("User {0} already exists")]
    AlreadyExists(Email),
    /// No session, or none that is valid.
    #[error("not logged in")]
    NotLoggedIn,
    /// No such account, or not its password; which of the two is nobody's business.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The account changed while its password was being checked: it has another one, or the
    /// same one stored anew, or is gone. No session was made; trying again tells which.
    #[error("the account changed meanwhile, please try again")]
    Changed,
    /// The password is none that this service takes for a new one.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordRefused),
    /// A reset token that is wrong, spent, expired or another account's.
    #[error("invalid reset token")]
    InvalidResetToken,
    /// A token out of a mail about an address that is wrong, spent or expired.
    #[error("invalid token")]
    InvalidEmailToken,
    /// The password is right, and nobody has proved yet to read the mail of the address. A
    /// mail with which that is done is on its way, unless one went there of late.
    #[error("email not verified")]
    EmailNotVerified,
    /// The operator has closed registration.
    #[error("registration is closed")]
    RegistrationClosed,
    /// More passwords are waiting to be hashed than may wait.
    #[error("too many logins at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Too many guesses, or registrations, of late: whether the password was right was not
    /// looked at.
    #[error("too many attempts, please wait and try again")]
    Throttled {
        /// When the next one is due.
        retry_after: Duration,
        /// The limit that was reached.
        limit: String,
    },
    /// The database cannot be used now; the same request may pass later.
    #[error(transparent)]
    Unavailable(DbError),
    /// A defect: the database answered, or was asked, what it should not be.
    #[error(transparent)]
    Failed(DbError),
    /// A defect: a password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl AuthError {
    /// Whether what was counted for the use case is given back: it came to no verdict.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        match self {
            Self::Changed
            | Self::Overloaded { .. }
            | Self::Unavailable(_)
            | Self::Failed(_)
            | Self::Hash(_) => true,
            Self::NoResultFound
            | Self::NotLoggedIn
            | Self::AlreadyExists(_)
            | Self::InvalidCredentials
            | Self::PasswordRefused(_)
            | Self::InvalidResetToken
            | Self::InvalidEmailToken
            | Self::EmailNotVerified
            | Self::RegistrationClosed
            | Self::Throttled { .. } => false,
        }
    }
}

impl AuthError {
    /// Whether the database is away, of which the log has lines of its own.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(error) if error.is_outage())
    }
}

impl From<Limited> for AuthError {
    fn from(limited: Limited) -> Self {
        Self::Throttled {
            retry_after: limited.wait,
            limit: limited.limit,
        }
    }
}

impl From<DbError> for AuthError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NoResultFound => Self::NoResultFound,
            DbError::AlreadyExists(email) => Self::AlreadyExists(email),
            DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::InvalidRequest(_) | DbError::Failed(_) => Self::Failed(error),
        }
    }
}
