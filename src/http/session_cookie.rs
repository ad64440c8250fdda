use std::future::{Ready, ready};

use actix_web::cookie::time::{Duration, OffsetDateTime};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::COOKIE;
use actix_web::{FromRequest, HttpRequest};

use super::{HttpError, HttpSettings};
use crate::domain::SessionId;

const NAME: &str = "session_id";

/// The session id that a request carries in its cookie, and nowhere else.
#[derive(Debug)]
pub(super) struct SessionCookie(Option<SessionId>);

impl SessionCookie {
    /// The session id.
    ///
    /// # Errors
    /// [`HttpError::NotLoggedIn`] if there is none that could be one.
    pub(super) fn session_id(self) -> Result<SessionId, HttpError> {
        self.0.ok_or(HttpError::NotLoggedIn)
    }

    /// The cookie that hands a session id to the client until its browser is closed.
    pub(super) fn setting(session_id: &str, settings: &HttpSettings) -> Cookie<'static> {
        Cookie::build(NAME, session_id.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(settings.https)
            .finish()
    }

    /// The cookie that takes it back, with the same attributes.
    pub(super) fn clearing(settings: &HttpSettings) -> Cookie<'static> {
        let mut cookie = Self::setting("", settings);
        cookie.set_max_age(Duration::ZERO);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie
    }

    /// Reads the raw headers: cookies of other names may be as broken as they like, and two
    /// of ours are none, because one of them may have been planted by a neighbouring site.
    pub(super) fn read(request: &HttpRequest) -> Option<SessionId> {
        let mut ours = request
            .headers()
            .get_all(COOKIE)
            .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|cookie| {
                let mut halves = cookie.splitn(2, |byte| *byte == b'=');
                let (name, value) = (halves.next()?, halves.next()?);
                (name.trim_ascii() == NAME.as_bytes()).then_some(value.trim_ascii())
            });
        let (value, another) = (ours.next()?, ours.next());
        if another.is_some() {
            return None;
        }
        SessionId::parse(std::str::from_utf8(value).ok()?).ok()
    }
}

impl FromRequest for SessionCookie {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Self::read(request))))
    }
}
