//! Audit events: their names, messages and fields, one function per event.

mod access;
mod account;
mod administration;
mod second_factor;

use log::Level;

use super::{AuthError, LoginSuccess};
use crate::domain::{AppName, Client, GroupName, Origin, RequestId, SessionDigest, UserId};

/// The log target, for filters in `RUST_LOG`.
const TARGET: &str = concat!(env!("CARGO_PKG_NAME"), "::events");

/// Logs that a request of a page of another origin was refused.
pub fn log_csrf_refused(client: &Client, origin: Option<&Origin>) {
    let origin = origin.map(Origin::to_string);
    Event::cross_origin_refused(origin.as_deref()).log(client);
}

/// An audit event, named by the OWASP logging vocabulary where it has a name. Each has a function
/// that makes it.
///
/// The log contains no secrets: of a session only the beginning of its digest, and of a failed
/// login no address, because users sometimes type their password into the wrong field.
#[derive(Debug, Default)]
pub(in crate::auth) struct Event<'a> {
    name: &'static str,
    message: &'static str,
    /// Whether the outcome is a failure although there is no cause.
    is_failure: bool,
    reason: Option<&'static str>,
    cause: Option<&'a AuthError>,
    user: Option<UserId>,
    /// The administrator who acts, for acts on users, groups, invitations and applications.
    administrator: Option<UserId>,
    session: Option<&'a SessionDigest>,
    origin: Option<&'a str>,
    mail: Option<&'a str>,
    count: Option<usize>,
    app: Option<&'a AppName>,
    group: Option<&'a GroupName>,
}

impl<'a> Event<'a> {
    fn new(name: &'static str, message: &'static str) -> Self {
        Self {
            name,
            message,
            ..Self::default()
        }
    }

    /// A refusal or a failure. Its cause sets reason and level.
    fn caused(name: &'static str, message: &'static str, cause: &'a AuthError) -> Self {
        Self {
            cause: Some(cause),
            reason: Some(cause.describe().reason),
            ..Self::new(name, message)
        }
    }

    /// Sets the outcome "failure" for an event without a cause.
    fn failure(self) -> Self {
        Self {
            is_failure: true,
            ..self
        }
    }

    fn reason(self, reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    pub(in crate::auth) fn user(self, user: impl Into<Option<UserId>>) -> Self {
        Self {
            user: user.into(),
            ..self
        }
    }

    fn session(self, session: impl Into<Option<&'a SessionDigest>>) -> Self {
        Self {
            session: session.into(),
            ..self
        }
    }

    /// Logs a login, and that it ended older sessions, if it did.
    pub(in crate::auth) fn log_login(login: &LoginSuccess, replaced: usize, client: &Client) {
        let (user, session) = (login.user.id, &login.session_id.digest());
        Event::logged_in(user, session).log(client);
        Event::log_replaced(user, replaced, client);
    }

    /// Logs that a login ended older sessions, if it did.
    pub(in crate::auth) fn log_replaced(user: UserId, count: usize, client: &Client) {
        if count > 0 {
            Event::sessions_replaced(user, count).log(client);
        }
    }

    /// Writes the log line.
    pub(in crate::auth) fn log(&self, client: &Client) {
        let cause = self.cause.map(AuthError::describe);
        let (level, outcome) = match &cause {
            Some(cause) if cause.is_failure => (cause.level, "error"),
            Some(cause) => (cause.level, "failure"),
            None if self.is_failure => (Level::Info, "failure"),
            None => (Level::Info, "success"),
        };
        let exceeded = cause.and_then(|cause| cause.exceeded);
        let (name, message) = match exceeded {
            Some(message) => ("excess_rate_limit_exceeded", message),
            None => (self.name, self.message),
        };
        let limit = match self.cause {
            Some(AuthError::RateLimited { limit, .. }) => Some(limit.name()),
            Some(_) | None => None,
        };
        let address = client.address().map(|address| address.to_string());
        log::log!(
            target: TARGET,
            level,
            event = name,
            outcome,
            reason = self.reason,
            limit,
            origin = self.origin,
            mail = self.mail,
            count = self.count,
            app = self.app.map(AppName::as_str),
            group = self.group.map(GroupName::as_str),
            by = self.administrator.map(|_| "administrator"),
            by_user_id = self.administrator.map(UserId::get),
            user_id = self.user.map(UserId::get),
            session = self.session.map(SessionDigest::prefix),
            client_ip = address.as_deref(),
            request_id = client.request_id().map(RequestId::as_str);
            "{message}"
        );
    }
}
