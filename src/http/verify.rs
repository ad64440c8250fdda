use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError, web};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::answer::{Message, json, json_with};
use super::session_cookie::SessionCookie;
use super::{Door, HttpError};
use crate::domain::SessionUser;

const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");

/// What is written as `%XX` in a header, beside all that is not ASCII. The percent sign is
/// among it, so that no two addresses look alike; spaces, which proxies cut at the ends; and
/// the comma, at which some applications part a header in two.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// `GET /verify`, and OPTIONS for proxies that ask with the client's own method: tells a proxy who is at the other end, before it lets a request through to
/// an application. Reads as `GET /profile` does.
pub(super) async fn verify(
    door: web::Data<Door>,
    cookie: SessionCookie,
) -> Result<HttpResponse, Unverified> {
    let user = known(door, cookie).await.map_err(Unverified)?;
    let mut answer = json(
        StatusCode::OK,
        &Message {
            message: "logged in",
        },
    );
    identify(&mut answer, Some(&user));
    Ok(answer)
}

async fn known(door: web::Data<Door>, cookie: SessionCookie) -> Result<SessionUser, HttpError> {
    let session_id = cookie.session_id()?;
    door.read(move |auth| auth.session_user(&session_id))
        .await?
        .ok_or(HttpError::NotLoggedIn)
}

/// Why nobody is let through. 401 where `GET /profile` has 403: it is what proxies take for
/// "log in first". There is no `WWW-Authenticate` in it, since no scheme of HTTP's own would
/// help, and a browser would ask for a password in a window of its own.
#[derive(Debug)]
pub(super) struct Unverified(HttpError);

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Unverified {
    fn status_code(&self) -> StatusCode {
        if matches!(self.0, HttpError::NotLoggedIn) {
            StatusCode::UNAUTHORIZED
        } else {
            self.0.status_code()
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = if matches!(self.0, HttpError::NotLoggedIn) {
            let message = "not logged in";
            json_with(
                &mut HttpResponse::build(self.status_code()),
                &Message { message },
            )
        } else {
            self.0.error_response()
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
