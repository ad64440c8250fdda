//! Audit events as their user sees them.

use serde::Serialize;

use crate::domain::{Actor, AuditDetails, AuditEvent};

/// An audit event of a user as JSON. Address and client of another person are left out.
#[derive(Serialize)]
pub(crate) struct ActivityRow<'a> {
    pub(crate) position: i64,
    pub(crate) at: String,
    pub(crate) event: &'a str,
    pub(crate) by: &'a str,
    pub(crate) outcome: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) ip: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) session: Option<&'a str>,
    pub(crate) mail: Option<&'a str>,
    pub(crate) count: Option<u64>,
    pub(crate) repeats: Option<u64>,
    pub(crate) group: Option<&'a str>,
    pub(crate) app: Option<&'a str>,
}

impl<'a> From<&'a AuditEvent> for ActivityRow<'a> {
    fn from(event: &'a AuditEvent) -> Self {
        let details = event.details.as_ref();
        let text = |field: fn(&AuditDetails) -> &Option<String>| {
            details.and_then(|details| field(details).as_deref())
        };
        let is_own = event.actor == Actor::Client.name();
        Self {
            position: event.position,
            at: event.at.rfc3339(),
            event: &event.event,
            by: &event.actor,
            outcome: text(|details| &details.outcome),
            reason: text(|details| &details.reason),
            ip: text(|details| &details.ip).filter(|_| is_own),
            user_agent: text(|details| &details.user_agent).filter(|_| is_own),
            session: text(|details| &details.session),
            mail: text(|details| &details.mail),
            count: details.and_then(|details| details.count),
            repeats: details.and_then(|details| details.repeats),
            group: text(|details| &details.group),
            app: text(|details| &details.app),
        }
    }
}
