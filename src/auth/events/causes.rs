//! What a refusal is called in the log.

use log::Level;

use crate::auth::AuthError;

/// A refusal is the client's affair, a failure the operator's.
pub(super) fn outcome(cause: &AuthError) -> (Level, &'static str) {
    match cause {
        AuthError::InvalidCredentials
        | AuthError::NotLoggedIn
        | AuthError::Changed
        | AuthError::NoResultFound
        | AuthError::AlreadyExists(_)
        | AuthError::PasswordRefused(_)
        | AuthError::InvalidResetToken
        | AuthError::InvalidEmailToken
        | AuthError::EmailNotVerified
        | AuthError::RegistrationClosed
        | AuthError::Throttled { .. } => (Level::Info, "failure"),
        // One of many: the hashing queue tells of them together.
        AuthError::Overloaded { .. } => (Level::Debug, "failure"),
        AuthError::Unavailable(_) | AuthError::Failed(_) | AuthError::Hash(_) => {
            (Level::Warn, "error")
        }
    }
}

pub(super) fn reason(cause: &AuthError) -> &'static str {
    match cause {
        AuthError::InvalidCredentials => "wrong_password",
        AuthError::NotLoggedIn => "not_logged_in",
        AuthError::Changed => "account_changed",
        AuthError::NoResultFound => "gone",
        AuthError::AlreadyExists(_) => "email_taken",
        AuthError::PasswordRefused(_) => "password_refused",
        AuthError::InvalidResetToken | AuthError::InvalidEmailToken => "invalid_token",
        AuthError::EmailNotVerified => "email_not_verified",
        AuthError::RegistrationClosed => "registration_closed",
        AuthError::Throttled { .. } => "throttled",
        AuthError::Overloaded { .. } => "hash_queue",
        AuthError::Unavailable(_) => "database_unavailable",
        AuthError::Failed(_) | AuthError::Hash(_) => "internal_error",
    }
}

/// Who is refused for the sake of the others, whatever it was that they wanted.
pub(super) fn limit(cause: &AuthError) -> Option<(&'static str, &'static str)> {
    match cause {
        AuthError::Overloaded { .. } => Some(("excess_rate_limit_exceeded", "too many at once")),
        AuthError::Throttled { .. } => Some(("excess_rate_limit_exceeded", "too many attempts")),
        AuthError::InvalidCredentials
        | AuthError::NotLoggedIn
        | AuthError::Changed
        | AuthError::NoResultFound
        | AuthError::AlreadyExists(_)
        | AuthError::PasswordRefused(_)
        | AuthError::InvalidResetToken
        | AuthError::InvalidEmailToken
        | AuthError::EmailNotVerified
        | AuthError::RegistrationClosed
        | AuthError::Unavailable(_)
        | AuthError::Failed(_)
        | AuthError::Hash(_) => None,
    }
}
