//! The page of second factors: what is set up, and what became of it.

pub(super) mod app;
pub(super) mod recovery_codes;
pub(super) mod removal;

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::message::Message;
use super::second_factor_view::shown;
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::auth::Auth;
use crate::domain::SecondFactorPolicy;
use crate::http::{BlockingExecutor, Refusal};

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
            passkeys_work => auth.has_passkeys() && !is_off,
            ..shown(&details)
        });
    visit.show(&view)
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
