//! The token of a mailed link. A cookie carries it from the link to its form. A `GET` of the link
//! does not use the token up.

use actix_web::cookie::time::{Duration, OffsetDateTime};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::view::View;
use super::visit::{Visit, see_other};
use crate::http::extract::cookie;
use crate::http::{HttpSettings, Refusal};

/// The page that a mailed link leads to, and the cookie of its token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenPage {
    /// The path, which is the cookie's too.
    pub(crate) path: &'static str,
    pub(crate) cookie: &'static str,
}

/// The page for a new password.
pub(crate) const RESET: TokenPage = TokenPage {
    path: "/reset",
    cookie: "reset_token",
};

/// The page for an address.
pub(crate) const VERIFY_EMAIL: TokenPage = TokenPage {
    path: "/verify-email",
    cookie: "email_token",
};

/// The page that takes an account back after a change of second factors.
pub(crate) const UNDO: TokenPage = TokenPage {
    path: "/undo",
    cookie: "undo_token",
};

/// The page of an invitation.
pub(crate) const INVITE: TokenPage = TokenPage {
    path: "/invite",
    cookie: "invitation_token",
};

/// How long the form may stay open.
const LIFETIME: Duration = Duration::minutes(30);

/// The longest token that is carried; ours have 36 characters.
const LENGTH_MAX: usize = 64;

impl TokenPage {
    /// Answers a link: moves its token from the address into a cookie, so that it stays in no
    /// history and no log.
    pub(crate) fn follow(self, visit: &Visit) -> Option<HttpResponse> {
        let token = visit.query("token")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_token = token.len() <= LENGTH_MAX && token.bytes().all(is_plain);
        let token = if is_token { token } else { "" };
        let cookie = self.cookie(token.to_owned(), LIFETIME, &visit.settings);
        Some(see_other(self.path).cookie(cookie).finish())
    }

    /// Answers a `GET` that does not show the form: a link, or a request without a token, which
    /// gets the page `without_form`.
    ///
    /// # Errors
    /// A refusal if the page cannot be written.
    pub(crate) fn before_form(
        self,
        request: &HttpRequest,
        visit: &Visit,
        without_form: &View,
    ) -> Option<Result<HttpResponse, Refusal>> {
        if let Some(answer) = self.follow(visit) {
            return Some(Ok(answer));
        }
        let has_token = self.token(request).is_some();
        (!has_token).then(|| visit.show_as(StatusCode::FORBIDDEN, without_form))
    }

    /// The token that a request carries.
    pub(crate) fn token(self, request: &HttpRequest) -> Option<String> {
        let token = cookie::value(request, self.cookie);
        token.filter(|token| !token.is_empty()).map(str::to_owned)
    }

    /// The cookie that takes the token back.
    pub(crate) fn clearing(self, settings: &HttpSettings) -> Cookie<'static> {
        let mut cookie = self.cookie(String::new(), Duration::ZERO, settings);
        cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        cookie
    }

    fn cookie(self, token: String, lifetime: Duration, settings: &HttpSettings) -> Cookie<'static> {
        Cookie::build(self.cookie, token)
            .path(self.path)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(settings.https)
            .max_age(lifetime)
            .finish()
    }
}
