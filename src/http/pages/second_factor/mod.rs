//! The page of second factors: what is set up, and what became of it.

pub(super) mod app;
pub(super) mod recovery_codes;
pub(super) mod removal;

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::account::date;
use super::account_sessions::device;
use super::message::Message;
use super::refusal::Refusal;
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, SecondFactorDetails};
use crate::domain::{FactorChange, FactorChangeKind, SecondFactorPolicy};
use crate::http::BlockingExecutor;

/// The path of the page.
pub(super) const PATH: &str = "/account/second-factor";

/// `GET /account/second-factor`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { user, .. } = SignedIn::enrolling(&request, &visit).await?;
    let is_required = auth.check_level(&user).is_err();
    let is_off = auth.rules().second_factor == SecondFactorPolicy::Off;
    let user_id = user.id;
    let details = executor
        .run_read(move |auth| auth.second_factor_details(user_id))
        .await
        .map_err(|error| visit.error(error.into()))?;
    let view = View::new("second_factor.html", "second_factor.title")
        .wide()
        .notice(visit.query("done").and_then(done))
        .data(context! {
            required => is_required || visit.next.is_some(),
            locked_in => is_required,
            off => is_off,
            ..shown(&details)
        });
    visit.show(&view)
}

/// What a page shows of the second factors.
pub(super) fn shown(details: &SecondFactorDetails) -> Value {
    let mut changes = details.changes.iter();
    let app = details.status.totp_since.map(|since| {
        let added = changes.find(|change| {
            change.kind == Some(FactorChangeKind::TotpAdded) && change.changed_at == since
        });
        context! { since => date(since), ..added.map(client).unwrap_or_default() }
    });
    let changes = details.changes.iter();
    context! {
        app,
        codes_left => details.status.recovery_codes_left,
        changes => changes.filter_map(changed).collect::<Vec<_>>(),
    }
}

/// A change: its text by key, when it was made, and by which client.
pub(super) fn changed(change: &FactorChange) -> Option<Value> {
    let what = match change.kind? {
        FactorChangeKind::TotpAdded => "factor_change.totp_added",
        FactorChangeKind::TotpRemoved => "factor_change.totp_removed",
        FactorChangeKind::RecoveryCodesReplaced => "factor_change.recovery_codes_replaced",
        FactorChangeKind::RecoveryCodeUsed => "factor_change.recovery_code_used",
        FactorChangeKind::Reset => "factor_change.reset",
        FactorChangeKind::Undone => "factor_change.undone",
        FactorChangeKind::Locked => "factor_change.locked",
    };
    let at = date(change.changed_at);
    Some(context! { what, at, ..client(change) })
}

fn client(change: &FactorChange) -> Value {
    context! {
        device => change.user_agent.as_deref().and_then(device),
        ip => change.ip.as_deref(),
    }
}

/// What another page did before it led here. Any other text says nothing.
fn done(code: &str) -> Option<Message> {
    let key = match code {
        "removed" => "second_factor.removed",
        "exists" => "second_factor.exists",
        "expired" => "second_factor.expired",
        _ => return None,
    };
    Some(Message::new(key))
}
