//! Errors as responses: the status, error code, message and metric of each error.

mod description;
mod refusal;

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{Error, HttpResponse, ResponseError};

use super::FormError;
use super::outcome::Outcome;
use crate::auth::AuthError;

pub(crate) use description::Description;
use description::Fault;
pub(crate) use refusal::Refusal;

/// Why a request failed. `Display` is the cause, for the log. The client gets a status, an error
/// code and a message.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request's body is invalid.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The Cookie headers are larger than 8 KiB.
    #[error("the Cookie header is larger than 8 KiB")]
    CookieTooLarge,
    /// There is no valid session. The response has no body, as in the reference service.
    #[error("not logged in")]
    NotLoggedIn,
    /// The session to end is not one of the user's.
    #[error("no such session")]
    NoSuchSession,
    /// The page of a list begins after an unknown id.
    #[error("after must be the id of one of your sessions")]
    UnknownPage,
    /// The scope of the sessions to end is unknown.
    #[error("scope must be one of: others, all")]
    UnknownScope,
    /// A use case refused or failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// An error about a field of the form.
    #[error("{1}")]
    About(&'static str, Box<Self>),
    /// A page of another origin made a browser send the request.
    #[error("cross-origin request")]
    CrossSite,
    /// No route has that path.
    #[error("not found")]
    NotFound,
    /// The path has no such method; it names those that it has.
    #[error("method not allowed: this path allows {0}")]
    MethodNotAllowed(String),
    /// An administrator did not give the password again, or another one.
    #[error("give your password again")]
    ReauthenticationRequired,
    /// Fields of a page's form that are missing or wrong, with the code of the first one.
    #[error("fields of the form are missing or wrong")]
    InvalidFields(&'static str),
    /// A page by the operator's template that cannot be filled in.
    #[error("the page could not be written")]
    PageNotWritten,
    /// A defect: the handler panicked. The panic was logged.
    #[error("the handler panicked")]
    Panicked,
}

/// The messages of failures. Their causes are only in the log.
const INTERNAL: &str = "internal error; the request was not carried out";
const UNAVAILABLE: &str = "the service is unavailable, please try again";
const CROSS_SITE: &str = "cross-origin request refused: add this origin to --allowed-origins";
const SOON: Duration = Duration::from_secs(1);

impl Description {
    fn not_logged_in() -> Self {
        let (status, outcome) = (StatusCode::FORBIDDEN, Outcome::malformed);
        Self::new(status, "not_logged_in", "", outcome)
    }

    fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal_error", INTERNAL, Outcome::failed)
    }

    fn unavailable(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, code, message, Outcome::unavailable).retry_after(SOON)
    }

    fn of_form(error: &FormError) -> Self {
        let (status, code) = error.status_and_code();
        let description = Self::new(status, code, error.to_string(), Outcome::malformed);
        let field = error.field().map(|field| Cow::Owned(field.to_owned()));
        let faults = error.all().iter().filter_map(|error| {
            Some(Fault {
                field: error.field()?.to_owned(),
                code: error.status_and_code().1,
                detail: error.to_string(),
            })
        });
        description.field(field).faults(faults.collect())
    }

    /// The description of a use case's error.
    #[expect(clippy::too_many_lines, reason = "one arm for each error")]
    fn of_use_case(error: &AuthError) -> Self {
        use {Outcome as O, StatusCode as S};
        let text = error.to_string();
        match error {
            AuthError::NotLoggedIn => Self::not_logged_in(),
            AuthError::InvalidCredentials => {
                let code = "invalid_credentials";
                Self::new(S::UNAUTHORIZED, code, text, O::invalid_credentials)
            }
            AuthError::AlreadyExists(_) => {
                let message = "email already registered";
                Self::new(
                    S::BAD_REQUEST,
                    "email_taken",
                    message,
                    O::already_registered,
                )
                .field(Some(Cow::Borrowed("email")))
            }
            AuthError::PasswordPolicyError(refused) => {
                Self::new(S::BAD_REQUEST, refused.code(), text, O::password_refused)
            }
            AuthError::InvalidResetToken => {
                let code = "invalid_reset_token";
                Self::new(S::FORBIDDEN, code, text, O::invalid_credentials)
            }
            AuthError::InvalidEmailToken => {
                Self::new(S::FORBIDDEN, "invalid_token", text, O::invalid_credentials)
            }
            AuthError::AccessDenied(_) => {
                Self::new(S::FORBIDDEN, "access_denied", text, O::malformed)
            }
            AuthError::InvalidHandOver => {
                Self::new(S::FORBIDDEN, "invalid_code", text, O::invalid_credentials)
            }
            AuthError::NotAdministrator => {
                Self::new(S::FORBIDDEN, "not_administrator", text, O::malformed)
            }
            AuthError::ActRefused(refusal) if refusal.is_missing() => {
                Self::new(S::NOT_FOUND, "not_found", text, O::malformed)
            }
            AuthError::ActRefused(_) => Self::new(S::CONFLICT, "act_refused", text, O::malformed),
            AuthError::InvalidInvitation => {
                let code = "invalid_invitation";
                Self::new(S::FORBIDDEN, code, text, O::invalid_credentials)
            }
            AuthError::EmailNotVerified => {
                let code = "email_not_verified";
                Self::new(S::FORBIDDEN, code, text, O::email_not_verified)
            }
            AuthError::RegistrationClosed => {
                let code = "registration_closed";
                Self::new(S::FORBIDDEN, code, text, O::registration_closed)
            }
            AuthError::RateLimited { retry_after, .. } => {
                Self::new(S::TOO_MANY_REQUESTS, "rate_limited", text, O::throttled)
                    .retry_after(*retry_after)
            }
            AuthError::Overloaded { retry_after } => {
                Self::new(S::SERVICE_UNAVAILABLE, "overloaded", text, O::overloaded)
                    .retry_after(*retry_after)
            }
            AuthError::SecondFactorRequired(_) => {
                let (code, outcome) = ("second_factor_required", O::second_factor_required);
                Self::new(S::UNAUTHORIZED, code, text, outcome)
            }
            // The same bytes as for a wrong password, if the password was in the same request.
            AuthError::InvalidCode { with_password } => {
                let code = if *with_password {
                    "invalid_credentials"
                } else {
                    "invalid_second_factor"
                };
                Self::new(S::UNAUTHORIZED, code, text, O::invalid_credentials)
            }
            AuthError::ClockOff { .. } => {
                Self::new(S::UNAUTHORIZED, "clock_off", text, O::invalid_credentials)
            }
            AuthError::NoPendingLogin => {
                let code = "login_expired";
                Self::new(S::UNAUTHORIZED, code, text, O::invalid_credentials)
            }
            AuthError::EnrolmentRequired => {
                let code = "second_factor_enrolment_required";
                Self::new(S::FORBIDDEN, code, text, O::malformed)
            }
            AuthError::StepUpRequired => {
                Self::new(S::FORBIDDEN, "second_factor_required", text, O::malformed)
            }
            AuthError::SecondFactorOff => {
                Self::new(S::FORBIDDEN, "second_factor_off", text, O::malformed)
            }
            AuthError::SecondFactorExists => {
                Self::new(S::CONFLICT, "second_factor_exists", text, O::malformed)
            }
            AuthError::NoSecondFactor => {
                Self::new(S::CONFLICT, "no_second_factor", text, O::malformed)
            }
            AuthError::ProofRequired => {
                let code = "second_factor_missing";
                Self::new(S::UNAUTHORIZED, code, text, O::invalid_credentials)
            }
            AuthError::PasskeysUnavailable => {
                Self::new(S::FORBIDDEN, "passkeys_unavailable", text, O::malformed)
            }
            AuthError::InvalidPasskey(_) => {
                let (code, outcome) = ("invalid_passkey", O::invalid_credentials);
                Self::new(S::UNAUTHORIZED, code, text, outcome)
            }
            AuthError::PasskeyNotAdded(_) => {
                Self::new(S::BAD_REQUEST, "passkey_refused", text, O::malformed)
            }
            AuthError::PasskeyExists => {
                Self::new(S::CONFLICT, "passkey_exists", text, O::malformed)
            }
            AuthError::NoSuchPasskey => {
                Self::new(S::NOT_FOUND, "passkey_not_found", text, O::malformed)
            }
            AuthError::ConcurrentChange => Self::unavailable("account_changed", text),
            AuthError::Busy | AuthError::Unavailable(_) => {
                Self::unavailable("unavailable", UNAVAILABLE)
            }
            // Handlers map missing rows that they expect to other errors.
            AuthError::NoResultFound
            | AuthError::TaskFailed(_)
            | AuthError::Failed(_)
            | AuthError::SecretKey(_)
            | AuthError::Hash(_) => Self::internal(),
        }
    }
}

impl HttpError {
    /// The effects of the error.
    pub(crate) fn describe(&self) -> Description {
        use {Outcome::malformed, StatusCode as S};
        let text = || self.to_string();
        match self {
            Self::Form(error) => Description::of_form(error),
            Self::Auth(error) => Description::of_use_case(error),
            Self::NotLoggedIn => Description::not_logged_in(),
            Self::CookieTooLarge => {
                let status = S::REQUEST_HEADER_FIELDS_TOO_LARGE;
                Description::new(status, "cookie_too_large", text(), malformed)
            }
            Self::NoSuchSession => {
                Description::new(S::NOT_FOUND, "session_not_found", text(), malformed)
            }
            Self::UnknownScope => {
                Description::new(S::BAD_REQUEST, "unknown_scope", text(), malformed)
            }
            Self::UnknownPage => {
                Description::new(S::BAD_REQUEST, "unknown_page", text(), malformed)
            }
            Self::CrossSite => {
                Description::new(S::FORBIDDEN, "cross_origin", CROSS_SITE, malformed)
            }
            Self::About(field, error) => error.describe().field(Some(Cow::Borrowed(field))),
            Self::NotFound => Description::new(S::NOT_FOUND, "not_found", text(), malformed),
            Self::MethodNotAllowed(_) => {
                let (status, code) = (S::METHOD_NOT_ALLOWED, "method_not_allowed");
                Description::new(status, code, text(), malformed)
            }
            Self::ReauthenticationRequired => {
                let code = "reauthentication_required";
                Description::new(S::FORBIDDEN, code, text(), malformed)
            }
            Self::InvalidFields(code) => {
                let outcome = match *code {
                    "email_taken" => Outcome::already_registered,
                    "password_too_short" | "password_too_common" | "password_too_obvious" => {
                        Outcome::password_refused
                    }
                    _ => malformed,
                };
                Description::new(S::BAD_REQUEST, code, text(), outcome)
            }
            Self::PageNotWritten | Self::Panicked => Description::internal(),
        }
    }

    /// An error of a use case that stores the password of a field.
    pub(crate) fn of_new_password(field: &'static str, error: AuthError) -> Self {
        let is_about_field = matches!(error, AuthError::PasswordPolicyError(_));
        let error = Self::from(error);
        if is_about_field {
            Self::About(field, Box::new(error))
        } else {
            error
        }
    }

    /// The error of a response, also of a page.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        let of_page = || error.as_error::<Refusal>().map(Refusal::error);
        error.as_error::<Self>().or_else(of_page)
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.describe().status
    }

    fn error_response(&self) -> HttpResponse {
        let description = self.describe();
        let mut head = description.head();
        if let Self::MethodNotAllowed(allow) = self {
            head.insert_header((ALLOW, allow.as_str()));
        }
        description.answer(head)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn a_503_has_retry_after() {
        for error in [AuthError::Busy, AuthError::ConcurrentChange] {
            let answer = HttpError::from(error).error_response();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers().get(RETRY_AFTER).unwrap(), "1");
        }
    }
}
