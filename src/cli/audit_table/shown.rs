//! An audit event as commands print it in JSON.

use serde::Serialize;

use crate::domain::{AuditDetails, AuditEvent, UserId};

/// An audit event as JSON.
#[derive(Serialize)]
pub(in crate::cli) struct ShownEvent<'a> {
    position: i64,
    at: String,
    event: &'a str,
    user_id: Option<i64>,
    by: &'a str,
    by_user_id: Option<i64>,
    erased: bool,
    #[serde(flatten)]
    details: Option<&'a AuditDetails>,
}

impl<'a> ShownEvent<'a> {
    pub(in crate::cli) fn of(event: &'a AuditEvent) -> Self {
        Self {
            position: event.position,
            at: event.at.rfc3339(),
            event: &event.event,
            user_id: event.user_id.map(UserId::get),
            by: &event.actor,
            by_user_id: event.actor_id.map(UserId::get),
            erased: event.details.is_none(),
            details: event.details.as_ref(),
        }
    }
}
