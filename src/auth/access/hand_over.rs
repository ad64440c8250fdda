//! The hand-over of a login to the host of an application, by a code that is valid once.
//!
//! 1. A browser without a login asks an application for a page. The proxy asks the service, which
//!    gives the browser a cookie on that host, the login state, and sends it to the login with
//!    `next` = `https://app.example.org/.bienvenue/enter?state=<digest of the cookie>&next=<path>`.
//! 2. After the login, [`Auth::open_app`] stores a code for that session, that application and
//!    that state, and sends the browser back with it.
//! 3. [`Auth::enter_app`] spends the code if the browser shows the cookie. Without this check, an
//!    attacker could make a link that logs a victim in to the attacker's account.

use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::form_urlencoded;

use super::super::audit::Event;
use super::super::{Auth, AuthError};
use crate::db::{DbError, HandOver};
use crate::domain::{
    AppName, AppSessionId, AppUrl, Client, HandOverCode, LoginState, LoginStateDigest, Origin,
    SessionId, UserId,
};

/// How long a code is valid: a redirect takes a second or two.
pub const HAND_OVER_LIFETIME: Duration = Duration::from_secs(60);

/// The path on the host of an application that the proxy routes to this service.
const ENTER_PATH: &str = "/.bienvenue/enter";

/// Characters of a path that are encoded to make it one value of a query.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'+');

impl Auth {
    /// A URL, if an application is registered at its origin. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn app_url(&self, text: &str) -> Result<Option<AppUrl>, AuthError> {
        let Some(url) = AppUrl::parse(text) else {
            return Ok(None);
        };
        Ok(self.db.is_app(url.origin())?.then_some(url))
    }

    /// Whether an application is registered at an origin. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_app(&self, origin: &Origin) -> Result<bool, AuthError> {
        Ok(self.db.is_app(origin)?)
    }

    /// Where the browser of a session goes from the login to `next`, a URL of an application:
    /// with a code to `/.bienvenue/enter` if `next` has a login state, else to `next` itself, where
    /// the proxy asks for the login. Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`], [`AuthError::EnrolmentRequired`] and
    /// [`AuthError::StepUpRequired`] where the policy or the application asks for a second factor,
    /// and [`AuthError::NoResultFound`] if no application is registered at the origin (any more).
    pub fn open_app(&self, session_id: &SessionId, next: &AppUrl) -> Result<AppUrl, AuthError> {
        let user = self.logged_in(session_id)?;
        self.check_level(&user)?;
        let origin = next.origin();
        let app = self.db.app_at(origin)?.ok_or(AuthError::NoResultFound)?;
        self.check_app_level(&user, &app)?;
        let user = user.id;
        let Some(asked) = Asked::of(next) else {
            return Ok(next.clone());
        };
        let code = HandOverCode::generate();
        let new = HandOver {
            code: &code.digest_at(origin),
            origin,
            state: &asked.state,
        };
        let session = session_id.digest();
        self.db.add_hand_over(&new, &session, HAND_OVER_LIFETIME)?;
        Event::hand_over_created(user, &session).log(&self.audit, &Client::default());
        let (code, path) = (code.expose(), utf8_percent_encode(&asked.path, IN_QUERY));
        let enter = next.with_path(&format!("{ENTER_PATH}?code={code}&next={path}"));
        // It is shorter than the requested URL.
        enter.ok_or(AuthError::InvalidHandOver)
    }

    /// Spends a code that comes back to the host of an application, and opens a login there,
    /// which ends with the session. `url` is what the browser asks for, by a trusted proxy.
    /// Blocks for one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidHandOver`] for a code that is wrong, spent, expired, for another
    /// host or of another browser, or whose session has ended.
    pub fn enter_app(
        &self,
        code: Option<&HandOverCode>,
        state: Option<&LoginState>,
        url: Option<&AppUrl>,
        client: &Client,
    ) -> Result<AppSessionId, AuthError> {
        let entered = self.try_enter(code, state, url);
        match entered {
            Ok((app_session, user, app)) => {
                Event::app_entered(user, &app).log(&self.audit, client);
                Ok(app_session)
            }
            Err(cause) => {
                Event::hand_over_refused(&cause).log(&self.audit, client);
                Err(cause)
            }
        }
    }

    fn try_enter(
        &self,
        code: Option<&HandOverCode>,
        state: Option<&LoginState>,
        url: Option<&AppUrl>,
    ) -> Result<(AppSessionId, UserId, AppName), AuthError> {
        let (Some(code), Some(state), Some(url)) = (code, state, url) else {
            return Err(AuthError::InvalidHandOver);
        };
        let origin = url.origin();
        let spent = HandOver {
            code: &code.digest_at(origin),
            origin,
            state: &state.digest_at(origin),
        };
        let app_session = AppSessionId::generate();
        let digest = app_session.digest_at(origin);
        match self.db.spend_hand_over(&spent, &digest) {
            Ok((user, app)) => Ok((app_session, user, app)),
            Err(DbError::NoResultFound) => Err(AuthError::InvalidHandOver),
            Err(error) => Err(error.into()),
        }
    }
}

/// The values in a URL of [`ENTER_PATH`].
struct Asked {
    state: LoginStateDigest,
    path: String,
}

impl Asked {
    fn of(url: &AppUrl) -> Option<Self> {
        let query = url.path().strip_prefix(ENTER_PATH)?.strip_prefix('?')?;
        let (mut state, mut path) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "state" => state = LoginStateDigest::from_hex(&value),
                "next" => path = url.with_path(&value),
                _ => {}
            }
        }
        Some(Self {
            state: state?,
            path: path.map_or("/".to_owned(), |url| url.path().to_owned()),
        })
    }
}

/// Where the proxy sends a browser to log in for a URL: the `next` of the login page.
#[must_use]
pub fn login_next(url: &AppUrl, state: &LoginState) -> AppUrl {
    let state = state.digest_at(url.origin()).to_hex();
    let enter = |path| {
        let path = utf8_percent_encode(path, IN_QUERY);
        url.with_path(&format!("{ENTER_PATH}?state={state}&next={path}"))
    };
    // A path that is too long is left out: without the state, the redirects would form a loop.
    enter(url.path())
        .or_else(|| enter("/"))
        .unwrap_or_else(|| url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> AppUrl {
        let origin = Origin::of_app("https://app.example.org").unwrap();
        AppUrl::asked(origin, path.as_bytes())
    }

    #[test]
    fn path_survives_the_way_through_the_login() {
        let state = LoginState::generate();
        for path in [
            "/",
            "/a?b=c&d=%2F+%26&e=f%",
            "//evil.example/",
            "/.bienvenue/enter?state=x&next=/y",
            "/?next=https://evil.example",
        ] {
            let next = login_next(&asked(path), &state);
            let next = AppUrl::parse(&next.to_string()).unwrap();
            let found = Asked::of(&next).unwrap();
            assert_eq!(found.path, path);
            assert_eq!(found.state, state.digest_at(next.origin()));
        }
    }

    #[test]
    fn long_path_is_left_out_and_the_state_stays() {
        let state = LoginState::generate();
        let next = login_next(&asked(&format!("/{}", "%".repeat(1000))), &state);
        assert_eq!(Asked::of(&next).unwrap().path, "/");
    }

    #[test]
    fn url_without_a_state_asks_for_nothing() {
        let digest = LoginState::generate().digest().to_hex();
        for path in [
            "/".to_owned(),
            ENTER_PATH.to_owned(),
            format!("{ENTER_PATH}?next=/"),
            format!("{ENTER_PATH}?state={}&next=/", "0".repeat(63)),
            format!("{ENTER_PATH}x?state={digest}"),
            format!("/x{ENTER_PATH}?state={digest}"),
        ] {
            assert!(Asked::of(&asked(&path)).is_none(), "{path}");
        }
        let outside = asked(&format!(
            "{ENTER_PATH}?state={digest}&next=https://evil.example/"
        ));
        assert_eq!(Asked::of(&outside).unwrap().path, "/");
    }
}
