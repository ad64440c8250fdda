//! `GET /verify`, the question that a proxy asks before it passes a request on.

mod login_location;

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::domain::SessionUser;
use crate::http::HttpError;
use crate::http::extract::current_user::session_of;
use crate::http::response::{ERROR_CODE, Message, json, json_with};
use login_location::login_location;

const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");

/// What is written as `%XX` in a header, beside all that is not ASCII. The percent sign is
/// among it, so that no two addresses look alike; spaces, which proxies cut at the ends; and
/// the comma, at which some applications part a header in two.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// `GET /verify`: tells a proxy who is logged in, before it passes a request on to an
/// application. It reads what `GET /profile` reads. OPTIONS is for proxies that ask with the
/// client's own method.
pub(crate) async fn verify(request: HttpRequest) -> Result<HttpResponse, ForwardAuthError> {
    let session = session_of(&request).await;
    let (_, user) = session.map_err(|error| ForwardAuthError {
        error,
        login: login_location(request.headers()),
    })?;
    let mut answer = json(
        StatusCode::OK,
        &Message {
            message: "logged in",
        },
    );
    identify(&mut answer, Some(&user));
    Ok(answer)
}

/// Why the proxy must not pass the request on. 401 where `GET /profile` has 403: proxies read
/// it as "log in first". `Location` names the login page, for a proxy that redirects. There is
/// no `WWW-Authenticate`, because a browser would ask for a password in a window of its own.
#[derive(Debug)]
pub(crate) struct ForwardAuthError {
    error: HttpError,
    login: HeaderValue,
}

impl fmt::Display for ForwardAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for ForwardAuthError {
    fn status_code(&self) -> StatusCode {
        if matches!(self.error, HttpError::NotLoggedIn) {
            StatusCode::UNAUTHORIZED
        } else {
            self.error.status_code()
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = if matches!(self.error, HttpError::NotLoggedIn) {
            let message = "not logged in";
            json_with(
                HttpResponse::build(self.status_code())
                    .insert_header((LOCATION, self.login.clone()))
                    .insert_header((ERROR_CODE, "not_logged_in")),
                &Message { message },
            )
        } else {
            self.error.error_response()
        };
        identify(&mut answer, None);
        answer
    }
}

/// Every header is there in every answer, empty for nobody: a proxy that copies the ones it
/// finds would leave those that the client has sent where there are none.
fn identify(answer: &mut HttpResponse, user: Option<&SessionUser>) {
    let (id, email) = user.map_or_else(Default::default, |user| {
        let email = utf8_percent_encode(user.email.as_str(), ENCODED);
        (user.id.to_string(), email.to_string())
    });
    for (name, value) in [(REMOTE_USER, id), (REMOTE_EMAIL, email)] {
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        answer.headers_mut().insert(name, value);
    }
}
