//! The page with the events of the account.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::people::{date, device};
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::domain::AuditEvent;
use crate::http::activity::ActivityRow;
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// How many events one page lists (bounds its size).
const PAGE: u32 = 10;

/// `GET /account/activity`, `GET /account/activity?after={position}`
pub(crate) async fn show(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { session_id, .. } = SignedIn::of(&request, &visit).await?;
    let after = visit.query("after").map(str::parse).transpose();
    let after = after.or(Err(HttpError::UnknownPage));
    let after = after.map_err(|error| visit.error(error))?;
    let mut events = executor
        .run_long_read(move |auth| auth.activity(&session_id, after, PAGE + 1))
        .await
        .map_err(|error| visit.error(error.into()))?;
    let has_more = events.len() > PAGE as usize;
    events.truncate(PAGE as usize);
    let last = events.last().map(|event| event.position);
    let data = context! {
        events => events.iter().map(shown).collect::<Vec<_>>(),
        after => last.filter(|_| has_more),
    };
    let view = View::new("account_activity.html", "activity.title").wide();
    visit.show(&view.data(data))
}

/// An event: its text by key, or its name if it has none; when it happened, and by which client.
fn shown(event: &AuditEvent) -> Value {
    let row = ActivityRow::from(event);
    context! {
        what => text_of(row.event),
        name => row.event,
        at => date(event.at),
        by => text_of_actor(row.by),
        device => row.user_agent.and_then(device),
        ip => row.ip,
        app => row.app,
        repeats => row.repeats,
        group => row.group,
    }
}

/// The text of the actor, if it is neither a client nor the service.
pub(super) fn text_of_actor(actor: &str) -> Option<&'static str> {
    match actor {
        "operator" => Some("activity.by_operator"),
        "administrator" => Some("activity.by_administrator"),
        _ => None,
    }
}

/// The text of an event, by its key in the catalogue.
pub(super) fn text_of(event: &str) -> Option<&'static str> {
    Some(match event {
        "authn_login_success" => "activity.login",
        "authn_login_fail" => "activity.login_failed",
        "authn_login_lock" => "activity.login_locked",
        "authn_login_second_factor_required" => "activity.second_factor_required",
        "authn_second_factor_lock" => "factor_change.locked",
        "authn_second_factor_added" => "activity.second_factor_added",
        "authn_second_factor_removed" => "activity.second_factor_removed",
        "authn_second_factor_fail" => "activity.second_factor_failed",
        "authn_second_factor_undone" => "factor_change.undone",
        "authn_passkey_renamed" => "activity.passkey_renamed",
        "authn_passkey_counter" => "activity.passkey_counter",
        "authn_recovery_code_used" => "factor_change.recovery_code_used",
        "authn_recovery_codes_replaced" => "factor_change.recovery_codes_replaced",
        "authn_reauth_fail" => "activity.change_refused",
        "authn_password_reset" => "activity.reset_requested",
        "authn_token_created" => "activity.link_made",
        "authn_password_change" => "activity.password_changed",
        "authn_password_change_fail" => "activity.password_not_changed",
        "mail_sent" => "activity.mail_sent",
        "session_created" => "activity.session_created",
        "session_ended" => "activity.session_ended",
        "user_created" => "account.created",
        "user_update_requested" => "activity.email_requested",
        "user_updated" => "activity.email_updated",
        "user_disabled" => "activity.disabled",
        "user_enabled" => "activity.enabled",
        "group_member_added" => "activity.group_added",
        "group_member_removed" => "activity.group_removed",
        "throttle_cleared" => "activity.limits_cleared",
        _ => return None,
    })
}
