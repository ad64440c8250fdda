//! The two cookies on the host of an application. They are for that host alone: there is no
//! `Domain`, and behind https their names say so (`__Host-`, RFC 6265bis, 4.1.3).

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::cookie;
use crate::domain::{AppSessionId, LoginState, Origin};

/// How long a browser may take from an application to the end of the login.
const LOGIN_TIME: Duration = Duration::hours(1);

/// The names of a cookie, with https and without.
struct Names(&'static str, &'static str);

const SESSION: Names = Names("__Host-app_session", "app_session");
const STATE: Names = Names("__Host-login_state", "login_state");

impl Names {
    fn at(&self, origin: &Origin) -> &'static str {
        if origin.is_https() { self.0 } else { self.1 }
    }

    fn read<'a>(&self, request: &'a HttpRequest, origin: &Origin) -> Option<&'a str> {
        cookie::value(request, self.at(origin))
    }

    fn setting(&self, value: String, origin: &Origin) -> Cookie<'static> {
        Cookie::build(self.at(origin), value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(origin.is_https())
            .finish()
    }
}

/// The login on the host of an application that a request shows.
pub(crate) fn app_session(request: &HttpRequest, origin: &Origin) -> Option<AppSessionId> {
    AppSessionId::parse(SESSION.read(request, origin)?).ok()
}

/// The cookie with the login. It lasts until the browser is closed.
pub(crate) fn set_app_session(id: &AppSessionId, origin: &Origin) -> Cookie<'static> {
    SESSION.setting(id.expose(), origin)
}

/// The login state that a request shows.
pub(crate) fn login_state(request: &HttpRequest, origin: &Origin) -> Option<LoginState> {
    LoginState::parse(STATE.read(request, origin)?).ok()
}

/// The cookie with the login state, for the time of a login.
pub(crate) fn set_login_state(state: &LoginState, origin: &Origin) -> Cookie<'static> {
    let mut cookie = STATE.setting(state.expose(), origin);
    cookie.set_max_age(LOGIN_TIME);
    cookie
}
