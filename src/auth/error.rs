use std::time::Duration;

use super::{HashError, PasswordRefused};
use crate::db::DbError;

/// Why a use case did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The database's answer: no result, invalid request, `User <email> already exists`,
    /// unavailable, or failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// No such account, or not its password; which of the two is nobody's business.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The password is none that this service takes for a new one.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordRefused),
    /// The operator has closed registration.
    #[error("registration is closed")]
    RegistrationClosed,
    /// More passwords are waiting to be hashed than may wait.
    #[error("too many logins at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// A defect: a password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}
