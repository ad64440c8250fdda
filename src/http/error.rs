//! Errors as answers: one description of each, with status, code, message and metric.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};

use super::extract::FormError;
use super::metrics::Outcome;
use super::response::{ERROR_CODE, Message, json_with};
use crate::auth::AuthError;

/// Why a request is not answered as it hoped. Its `Display` is the cause, for the log; the
/// client gets a status and a sentence.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request's body.
    #[error(transparent)]
    Form(#[from] FormError),
    /// Cookie headers over 8 KiB.
    #[error("the Cookie header is larger than 8 KiB")]
    CookieTooLarge,
    /// No session, or none that is valid. The one answer without a body, as in the document.
    #[error("not logged in")]
    NotLoggedIn,
    /// A session that is to be ended and is none of the user's.
    #[error("no such session")]
    NoSuchSession,
    /// A page of a list that begins nowhere.
    #[error("after is the id of one of your sessions")]
    UnknownPage,
    /// Sessions that are to be ended, and it is not clear which.
    #[error("scope is one of: others, all")]
    UnknownScope,
    /// The use case's refusal or failure.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A page of an origin that is not ours has let a browser send it.
    #[error("it comes from a page of another origin")]
    CrossSite,
    /// A defect of ours; what it is the panic has said itself.
    #[error("the code that was to answer panicked")]
    Panicked,
}

/// The message of a failure. Its cause is for the log alone.
const INTERNAL: &str = "internal error; the request was not carried out";
const UNAVAILABLE: &str = "the service is unavailable, please try again";
const CROSS_SITE: &str = "requests from pages of other origins are not taken";
const SOON: Duration = Duration::from_secs(1);

/// All that an error means to the client, and to the metrics.
struct Description {
    status: StatusCode,
    /// Stable, for programs.
    code: &'static str,
    /// For people. Empty: the answer has no body.
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    outcome: Outcome,
}

impl Description {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        outcome: Outcome,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            outcome,
        }
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

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
        Self::new(status, code, error.to_string(), Outcome::malformed)
    }

    /// What a use case refuses, or fails by.
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
            }
            AuthError::PasswordRefused(refused) => {
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
            AuthError::Throttled { retry_after, .. } => {
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
            // The same bytes as for a wrong password, where that came along.
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
            AuthError::NoPendingLogin => Self::new(
                S::UNAUTHORIZED,
                "login_expired",
                text,
                O::invalid_credentials,
            ),
            AuthError::EnrolmentRequired => {
                let code = "second_factor_enrolment_required";
                Self::new(S::FORBIDDEN, code, text, O::malformed)
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
            AuthError::Changed => Self::unavailable("account_changed", text),
            AuthError::Busy | AuthError::Unavailable(_) => {
                Self::unavailable("unavailable", UNAVAILABLE)
            }
            // Handlers turn the rows that they expect to be missing into answers.
            AuthError::NoResultFound
            | AuthError::Lost(_)
            | AuthError::Failed(_)
            | AuthError::SecretKey(_)
            | AuthError::Hash(_) => Self::internal(),
        }
    }
}

impl HttpError {
    fn describe(&self) -> Description {
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
            Self::Panicked => Description::internal(),
        }
    }

    /// How a login or a registration ended, for the metrics.
    pub(super) fn outcome(&self) -> Outcome {
        self.describe().outcome
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.describe().status
    }

    fn error_response(&self) -> HttpResponse {
        let Description {
            status,
            code,
            message,
            retry_after,
            outcome: _,
        } = self.describe();
        let mut answer = HttpResponse::build(status);
        answer.insert_header((ERROR_CODE, code));
        if let Some(wait) = retry_after {
            answer.insert_header((RETRY_AFTER, whole_seconds(wait)));
        }
        if matches!(self, Self::Form(FormError::TooLarge | FormError::TooSlow)) {
            // The rest of the body is not read, so no request can follow it.
            answer.force_close();
        }
        if message.is_empty() {
            return answer.finish();
        }
        json_with(&mut answer, &Message { message: &message })
    }
}

/// Rounded up, and at least one second.
fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_503_says_when_to_come_back() {
        for error in [AuthError::Busy, AuthError::Changed] {
            let answer = HttpError::from(error).error_response();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers().get(RETRY_AFTER).unwrap(), "1");
        }
    }
}
