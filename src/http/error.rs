use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError, error::BlockingError};

use super::FormError;
use super::answer::{Message, json_with};
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
    /// The database has been busy for too long.
    #[error("the database had no answer in time")]
    Busy,
    /// The thread that did the work is gone.
    #[error("blocking work was lost: {0}")]
    Lost(#[from] BlockingError),
    /// A page of an origin that is not ours has let a browser send it.
    #[error("it comes from a page of another origin")]
    CrossSite,
    /// A defect of ours; what it is the panic has said itself.
    #[error("the code that was to answer panicked")]
    Panicked,
}

/// What a client is told where it is none of its business.
const INTERNAL: &str = "internal error; the request was not carried out";
const UNAVAILABLE: &str = "the service is unavailable, please try again";
const CROSS_SITE: &str = "requests from pages of other origins are not taken";
const SOON: Duration = Duration::from_secs(1);

impl HttpError {
    /// Whether what was counted for the request is given back: it came to no verdict.
    pub(super) fn gives_back(&self) -> bool {
        match self {
            Self::Auth(error) => error.gives_back(),
            Self::Busy | Self::Lost(_) | Self::Panicked => true,
            Self::Form(_)
            | Self::NotLoggedIn
            | Self::NoSuchSession
            | Self::UnknownScope
            | Self::UnknownPage
            | Self::CrossSite
            | Self::CookieTooLarge => false,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Form(error) => error.to_string().into(),
            Self::CookieTooLarge | Self::NoSuchSession | Self::UnknownScope | Self::UnknownPage => {
                self.to_string().into()
            }
            Self::NotLoggedIn | Self::Auth(AuthError::NotLoggedIn) => "".into(),
            Self::Auth(error) => match error {
                AuthError::AlreadyExists(_) => "email already registered".into(),
                AuthError::Unavailable(_) => UNAVAILABLE.into(),
                AuthError::NotLoggedIn
                | AuthError::InvalidCredentials
                | AuthError::Changed
                | AuthError::PasswordRefused(_)
                | AuthError::InvalidResetToken
                | AuthError::InvalidEmailToken
                | AuthError::EmailNotVerified
                | AuthError::RegistrationClosed
                | AuthError::Throttled { .. }
                | AuthError::Overloaded { .. } => error.to_string().into(),
                AuthError::NoResultFound | AuthError::Failed(_) | AuthError::Hash(_) => {
                    INTERNAL.into()
                }
            },
            Self::Busy => UNAVAILABLE.into(),
            Self::Lost(_) | Self::Panicked => INTERNAL.into(),
            Self::CrossSite => CROSS_SITE.into(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy | Self::Auth(AuthError::Changed | AuthError::Unavailable(_)) => Some(SOON),
            Self::Auth(
                AuthError::Overloaded { retry_after } | AuthError::Throttled { retry_after, .. },
            ) => Some(*retry_after),
            Self::Form(_)
            | Self::NotLoggedIn
            | Self::Auth(_)
            | Self::Lost(_)
            | Self::NoSuchSession
            | Self::UnknownScope
            | Self::UnknownPage
            | Self::CrossSite
            | Self::CookieTooLarge
            | Self::Panicked => None,
        }
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Form(error) => error.status(),
            Self::NotLoggedIn | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::CookieTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NoSuchSession => StatusCode::NOT_FOUND,
            Self::UnknownScope | Self::UnknownPage => StatusCode::BAD_REQUEST,
            Self::Auth(error) => match error {
                AuthError::InvalidCredentials => StatusCode::UNAUTHORIZED,
                AuthError::PasswordRefused(_) | AuthError::AlreadyExists(_) => {
                    StatusCode::BAD_REQUEST
                }
                AuthError::NotLoggedIn
                | AuthError::RegistrationClosed
                | AuthError::EmailNotVerified
                | AuthError::InvalidEmailToken
                | AuthError::InvalidResetToken => StatusCode::FORBIDDEN,
                AuthError::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
                AuthError::Changed | AuthError::Overloaded { .. } | AuthError::Unavailable(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                // Handlers turn the rows that they expect to be missing into answers.
                AuthError::NoResultFound | AuthError::Failed(_) | AuthError::Hash(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Lost(_) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after() {
            answer.insert_header((RETRY_AFTER, whole_seconds(wait)));
        }
        match self {
            Self::NotLoggedIn | Self::Auth(AuthError::NotLoggedIn) => answer.finish(),
            Self::Form(FormError::TooLarge | FormError::TooSlow) => {
                // What is left of the body is not read, so nothing can follow it.
                answer.force_close();
                json_with(
                    &mut answer,
                    &Message {
                        message: &self.message(),
                    },
                )
            }
            Self::Form(_)
            | Self::Auth(_)
            | Self::Busy
            | Self::Lost(_)
            | Self::NoSuchSession
            | Self::UnknownScope
            | Self::UnknownPage
            | Self::CrossSite
            | Self::CookieTooLarge
            | Self::Panicked => json_with(
                &mut answer,
                &Message {
                    message: &self.message(),
                },
            ),
        }
    }
}

/// Rounded up, and never none: who comes back too early comes in vain.
fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_503_says_when_to_come_back() {
        for error in [HttpError::Busy, AuthError::Changed.into()] {
            let answer = error.error_response();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            let wait = answer.headers().get(RETRY_AFTER).unwrap();
            assert_eq!(wait, "1", "{error}");
        }
    }

    #[actix_web::test]
    async fn what_comes_to_no_verdict_is_not_counted() {
        let lost = actix_web::web::block(|| assert!(std::hint::black_box(false), "on purpose"));
        let lost = HttpError::from(lost.await.unwrap_err());
        for error in [
            HttpError::Busy,
            HttpError::Panicked,
            lost,
            AuthError::Changed.into(),
        ] {
            assert!(error.gives_back(), "{error}");
        }
        let verdict = HttpError::from(AuthError::InvalidCredentials);
        assert!(!verdict.gives_back());
    }
}
