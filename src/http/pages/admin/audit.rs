//! The audit events of a user.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::visit::AdminVisit;
use super::{PAGE, cut};
use crate::domain::{AuditEvent, UserId};
use crate::http::Refusal;
use crate::http::pages::account_activity::{text_of, text_of_actor};
use crate::http::pages::people::{date, device};
use crate::http::pages::view::View;

/// `GET /admin/users/{id}/audit`, `GET /admin/users/{id}/audit?after={position}`
pub(super) async fn show(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let id = admin.user_id()?;
    let after = admin
        .visit
        .query("after")
        .and_then(|text| text.parse().ok());
    let read = admin.read(move |auth, administrator| {
        let email = auth.email_of(administrator, id)?;
        Ok((email, auth.audit_events_of(id, after, PAGE + 1)?))
    });
    let (email, mut events) = read.await?;
    let last = cut(&mut events, |event| {
        let details = event.details.iter();
        let names = details.flat_map(|details| [&details.group, &details.app]);
        350 + names.flatten().map(String::len).sum::<usize>()
    });
    let more = last.map(|last| format!("/admin/users/{id}/audit?after={}", last.position));
    let data = context! {
        id => id.get(),
        email => email.as_str(),
        events => events.iter().map(row).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_audit.html", "admin.audit.title").wide();
    admin.visit.show(&view.data(data))
}

fn row(event: &AuditEvent) -> Value {
    let details = event.details.clone().unwrap_or_default();
    // The text about emails is addressed to the owner.
    let what = text_of(&event.event).filter(|_| event.event != "mail_sent");
    let agent = details.user_agent.as_deref();
    context! {
        what,
        event => event.event.as_str(),
        outcome => details.outcome,
        reason => details.reason,
        at => date(event.at),
        by => text_of_actor(&event.actor),
        actor_id => event.actor_id.map(UserId::get),
        device => agent.and_then(device),
        ip => details.ip,
        group => details.group,
        app => details.app,
        repeats => details.repeats,
    }
}
