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

/// The session id in a request's cookie. Session ids are accepted nowhere else.
#[derive(Debug)]
pub(crate) struct SessionCookie(Option<SessionId>);

impl SessionCookie {
    /// The session id.
    ///
    /// # Errors
    /// [`HttpError::NotLoggedIn`] if there is no valid one.
    pub(crate) fn session_id(self) -> Result<SessionId, HttpError> {
        self.0.ok_or(HttpError::NotLoggedIn)
    }

    /// The cookie to set after a login. It lasts until the browser is closed.
    pub(crate) fn build(session_id: &str, settings: &HttpSettings) -> Cookie<'static> {
        Cookie::build(NAME, session_id.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(settings.https)
            .finish()
    }

    /// The cookie to set on a page: to keep for as long as a session lives, or until the browser
    /// is closed.
    pub(crate) fn on_page(
        session_id: &str,
        keep: bool,
        settings: &HttpSettings,
    ) -> Cookie<'static> {
        let mut cookie = Self::build(session_id, settings);
        if keep {
            let lifetime = Duration::try_from(settings.session_lifetime);
            cookie.set_max_age(lifetime.unwrap_or(Duration::MAX));
        }
        cookie
    }

    /// The cookie that clears it, with the same attributes.
    pub(crate) fn removal(settings: &HttpSettings) -> Cookie<'static> {
        let mut cookie = Self::build("", settings);
        cookie.set_max_age(Duration::ZERO);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie
    }

    /// The session id in a request's cookie, if it has the form of one.
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
