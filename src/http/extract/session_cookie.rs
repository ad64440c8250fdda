//! The session cookie.

use std::future::{Ready, ready};

use actix_web::cookie::time::{Duration, OffsetDateTime};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::cookie;
use crate::domain::SessionId;
use crate::http::{HttpError, HttpSettings};

const NAME: &str = "session_id";

/// The session id that a request carries in its cookie, and nowhere else.
#[derive(Debug)]
pub(crate) struct SessionCookie(Option<SessionId>);

impl SessionCookie {
    /// The session id.
    ///
    /// # Errors
    /// [`HttpError::NotLoggedIn`] if there is no well-formed one.
    pub(crate) fn session_id(self) -> Result<SessionId, HttpError> {
        self.0.ok_or(HttpError::NotLoggedIn)
    }

    /// Builds the cookie, which the client keeps until its browser is closed.
    pub(crate) fn build(session_id: &str, settings: &HttpSettings) -> Cookie<'static> {
        Cookie::build(NAME, session_id.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(settings.https)
            .finish()
    }

    /// Builds the cookie that removes it, with the same attributes.
    pub(crate) fn removal(settings: &HttpSettings) -> Cookie<'static> {
        let mut cookie = Self::build("", settings);
        cookie.set_max_age(Duration::ZERO);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie
    }

    /// Reads the session id of a request, if it is well-formed.
    pub(crate) fn read(request: &HttpRequest) -> Option<SessionId> {
        SessionId::parse(cookie::value(request, NAME)?).ok()
    }
}

impl FromRequest for SessionCookie {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Self::read(request))))
    }
}
