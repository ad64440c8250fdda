use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use prometheus_client::encoding::EncodeLabelValue;

use crate::auth::AuthError;
use crate::http::HttpError;

/// How a login or a registration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(super) enum Outcome {
    success,
    invalid_credentials,
    already_registered,
    password_refused,
    registration_closed,
    email_not_verified,
    /// The form, or what came with it.
    malformed,
    /// By the limits on guessing.
    throttled,
    /// Too many wait to be hashed.
    overloaded,
    /// The database.
    unavailable,
    failed,
}

impl Outcome {
    pub(super) const LOGINS: [Self; 8] = [
        Self::success,
        Self::invalid_credentials,
        Self::email_not_verified,
        Self::malformed,
        Self::throttled,
        Self::overloaded,
        Self::unavailable,
        Self::failed,
    ];

    pub(super) const REGISTRATIONS: [Self; 9] = [
        Self::success,
        Self::already_registered,
        Self::password_refused,
        Self::registration_closed,
        Self::malformed,
        Self::throttled,
        Self::overloaded,
        Self::unavailable,
        Self::failed,
    ];

    pub(super) fn of<B>(answer: &ServiceResponse<B>) -> Self {
        let status = answer.status();
        let error = answer.response().error();
        match error.and_then(|error| error.as_error::<HttpError>()) {
            _ if status == StatusCode::TOO_MANY_REQUESTS => Self::throttled,
            Some(error) => Self::of_error(error),
            None if status.is_success() => Self::success,
            None if status.is_client_error() => Self::malformed,
            None => Self::failed,
        }
    }

    fn of_error(error: &HttpError) -> Self {
        match error {
            HttpError::Form(_)
            | HttpError::NotLoggedIn
            | HttpError::NoSuchSession
            | HttpError::UnknownScope
            | HttpError::UnknownPage
            | HttpError::CrossSite
            | HttpError::CookieTooLarge => Self::malformed,
            HttpError::Busy => Self::unavailable,
            HttpError::Lost(_) | HttpError::Panicked => Self::failed,
            HttpError::Auth(error) => match error {
                AuthError::AlreadyExists(_) => Self::already_registered,
                AuthError::NotLoggedIn => Self::malformed,
                AuthError::InvalidCredentials
                | AuthError::InvalidResetToken
                | AuthError::InvalidEmailToken => Self::invalid_credentials,
                AuthError::EmailNotVerified => Self::email_not_verified,
                AuthError::PasswordRefused(_) => Self::password_refused,
                AuthError::RegistrationClosed => Self::registration_closed,
                AuthError::Throttled { .. } => Self::throttled,
                AuthError::Overloaded { .. } => Self::overloaded,
                AuthError::Changed | AuthError::Unavailable(_) => Self::unavailable,
                AuthError::NoResultFound | AuthError::Failed(_) | AuthError::Hash(_) => {
                    Self::failed
                }
            },
        }
    }
}
