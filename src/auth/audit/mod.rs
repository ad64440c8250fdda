//! Audit events: their names, messages and fields, one function per event.

mod access;
mod account;
mod administration;
mod list;
mod repeats;
mod second_factor;
mod trail;

use log::Level;

use super::{AuthError, LoginSuccess};
use crate::domain::{
    Actor, AppName, AuditDetails, Client, GroupName, NewAuditEvent, Origin, RequestId,
    SessionDigest, Timestamp, UserId,
};

pub(in crate::auth) use trail::AuditTrail;

/// The log target, for filters in `RUST_LOG`.
const TARGET: &str = concat!(env!("CARGO_PKG_NAME"), "::events");

/// Logs that a request of a page of another origin was refused.
pub fn log_csrf_refused(client: &Client, origin: Option<&Origin>) {
    let origin = origin.map(Origin::to_string);
    Event::cross_origin_refused(origin.as_deref()).write_line(client);
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
    session: Option<&'a SessionDigest>,
    origin: Option<&'a str>,
    mail: Option<&'a str>,
    count: Option<usize>,
    app: Option<&'a AppName>,
    group: Option<&'a GroupName>,
    /// The administrator who caused it.
    administrator: Option<UserId>,
    /// Whether it has no row in the table, because a client can cause it without limit.
    is_line_only: bool,
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

    /// Says that an administrator caused it.
    pub(in crate::auth) fn by(self, administrator: UserId) -> Self {
        Self {
            administrator: Some(administrator),
            ..self
        }
    }

    /// Leaves it out of the table.
    pub(in crate::auth) fn line_only(self) -> Self {
        Self {
            is_line_only: true,
            ..self
        }
    }

    /// Logs a login, and that it ended older sessions, if it did.
    pub(in crate::auth) fn log_login(
        login: &LoginSuccess,
        replaced: usize,
        trail: &AuditTrail,
        client: &Client,
    ) {
        let (user, session) = (login.user.id, &login.session_id.digest());
        Event::logged_in(user, session).log(trail, client);
        Event::log_replaced(user, replaced, trail, client);
    }

    /// Logs that a login ended older sessions, if it did.
    pub(in crate::auth) fn log_replaced(
        user: UserId,
        count: usize,
        trail: &AuditTrail,
        client: &Client,
    ) {
        if count > 0 {
            Event::sessions_replaced(user, count).log(trail, client);
        }
    }

    /// Writes the log line. An event about a user or by an administrator also gets a row, unless
    /// it is a refusal by a rate limit: those would let a client fill the table.
    pub(in crate::auth) fn log(&self, trail: &AuditTrail, client: &Client) {
        self.write_line(client);
        let is_refusal = self
            .cause
            .is_some_and(|cause| cause.describe().exceeded.is_some());
        let is_of_user = self.user.is_some() || self.administrator.is_some();
        if is_of_user && !is_refusal && !self.is_line_only {
            let network = client
                .address()
                .map(|address| address.network().to_string());
            trail.push(self.row(client, trail.now()), network);
        }
    }

    fn outcome(&self) -> (Level, &'static str) {
        match self.cause.map(AuthError::describe) {
            Some(cause) if cause.is_failure => (cause.level, "error"),
            Some(cause) => (cause.level, "failure"),
            None if self.is_failure => (Level::Info, "failure"),
            None => (Level::Info, "success"),
        }
    }

    fn row(&self, client: &Client, at: Timestamp) -> NewAuditEvent {
        let actor = match (self.administrator, client.request_id()) {
            (Some(administrator), _) => Actor::Administrator(administrator),
            (None, Some(_)) => Actor::Client,
            (None, None) => Actor::Service,
        };
        NewAuditEvent {
            at,
            event: self.name,
            user_id: self.user,
            actor,
            details: AuditDetails {
                outcome: Some(self.outcome().1.to_owned()),
                reason: self.reason.map(str::to_owned),
                ip: client.address().map(|address| address.to_string()),
                user_agent: client.user_agent().map(str::to_owned),
                session: self.session.map(SessionDigest::prefix),
                mail: self.mail.map(str::to_owned),
                count: self.count.and_then(|count| count.try_into().ok()),
                group: self.group.map(GroupName::to_string),
                app: self.app.map(AppName::to_string),
                operator_uid: None,
                repeats: None,
                request_id: client.request_id().map(|id| id.as_str().to_owned()),
            },
        }
    }

    /// Writes the log line.
    pub(in crate::auth) fn write_line(&self, client: &Client) {
        let cause = self.cause.map(AuthError::describe);
        let (level, outcome) = self.outcome();
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
