//! An error as a page shows it, with the error itself for log and metrics.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, ResponseError};

use crate::auth::AuthError;
use crate::http::HttpError;
use crate::http::content_kind::ContentKind;

/// The reason why a page does not carry out a request.
#[derive(Debug)]
pub(crate) struct Refusal {
    error: HttpError,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// The page, in HTML.
    Page(String, ContentKind),
    /// Another page, which has to be seen first.
    Elsewhere(String),
    /// As the API answers.
    Plain,
}

impl Refusal {
    pub(crate) fn page(error: HttpError, html: String, kind: ContentKind) -> Self {
        Self {
            error,
            answer: Answer::Page(html, kind),
        }
    }

    /// Leads to the login, with the reason.
    pub(crate) fn log_in_first(location: String) -> Self {
        Self {
            error: HttpError::NotLoggedIn,
            answer: Answer::Elsewhere(location),
        }
    }

    /// Leads to the page of second factors, which the policy asks for.
    pub(crate) fn enrol_first(location: String) -> Self {
        Self {
            error: HttpError::Auth(AuthError::EnrolmentRequired),
            answer: Answer::Elsewhere(location),
        }
    }

    /// Leads to the login of a user who has not shown the second factor in this session.
    pub(crate) fn step_up_first(location: String) -> Self {
        Self {
            error: HttpError::Auth(AuthError::StepUpRequired),
            answer: Answer::Elsewhere(location),
        }
    }

    pub(crate) fn plain(error: HttpError) -> Self {
        Self {
            error,
            answer: Answer::Plain,
        }
    }

    /// The error that the page shows.
    pub(crate) fn error(&self) -> &HttpError {
        &self.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self.answer {
            Answer::Elsewhere(_) => StatusCode::SEE_OTHER,
            Answer::Page(..) | Answer::Plain => self.error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.answer {
            Answer::Plain => self.error.error_response(),
            Answer::Elsewhere(location) => HttpResponse::SeeOther()
                .insert_header((LOCATION, location.as_str()))
                .finish(),
            Answer::Page(html, kind) => {
                let mut answer = self.error.describe().head();
                let mut answer = answer
                    .content_type("text/html; charset=utf-8")
                    .body(html.clone());
                answer.extensions_mut().insert(kind.clone());
                answer
            }
        }
    }
}
