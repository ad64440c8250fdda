//! The cookie of a pending login. It opens no session.

use std::future::{Ready, ready};

use actix_web::cookie::time::{Duration, OffsetDateTime};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::cookie;
use crate::auth::LOGIN_LIFETIME;
use crate::domain::LoginToken;
use crate::http::{HttpError, HttpSettings};

const NAME: &str = "login";

/// The pending login that a request continues, if it names one.
#[derive(Debug)]
pub(crate) struct LoginCookie(pub(crate) Option<LoginToken>);

impl LoginCookie {
    /// Builds the cookie, with which the client continues the login.
    pub(crate) fn build(login: &LoginToken, settings: &HttpSettings) -> Cookie<'static> {
        let lifetime = Duration::try_from(LOGIN_LIFETIME).unwrap_or(Duration::ZERO);
        with_value(login.expose(), lifetime, settings)
    }

    /// Builds the cookie that removes it, after the login.
    pub(crate) fn removal(settings: &HttpSettings) -> Cookie<'static> {
        let mut cookie = with_value(String::new(), Duration::ZERO, settings);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie
    }
}

fn with_value(value: String, lifetime: Duration, settings: &HttpSettings) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.https)
        .max_age(lifetime)
        .finish()
}

impl FromRequest for LoginCookie {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = cookie::value(request, NAME);
        ready(Ok(Self(
            value.and_then(|value| LoginToken::parse(value).ok()),
        )))
    }
}
