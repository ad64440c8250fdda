//! The account page, and the page of its export.

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::message::Message;
use super::people::date;
use super::second_factor_view;
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::domain::GroupName;
use crate::http::account_export::held;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /account` in a browser.
pub(crate) async fn show(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let visit = Visit::of(&request).await?;
    let SignedIn { session_id, .. } = SignedIn::of(&request, &visit).await?;
    let account = executor
        .run_read(move |auth| auth.account_summary(&session_id))
        .await;
    let account = account.map_err(|error| visit.error(error.into()))?;
    let mut changes = account.second_factor.changes.iter();
    let shown = context! {
        factor => second_factor_view::shown(&account.second_factor),
        last_change => changes.find_map(second_factor_view::changed),
        email => account.user.email.as_str(),
        verified => account.email_verified_at.is_some(),
        created_at => account.dates.created_at.map(date),
        last_login_at => account.dates.last_login_at.map(date),
        is_administrator => account.groups.contains(&GroupName::admins()),
    };
    let notice = visit.query("done").and_then(done);
    let view = View::new("account.html", "account.title").notice(notice);
    let mut answer = visit.show(&view.data(context! { account => shown }))?;
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// The message about what another page did before it led here. Unknown codes give none.
fn done(code: &str) -> Option<Message> {
    let key = match code {
        "password" => "account.password_changed",
        "email" => "account.email_requested",
        _ => return None,
    };
    Some(Message::new(key))
}

/// `GET /account/export`, `GET /account/export?file=json`
pub(crate) async fn export(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { session_id, .. } = SignedIn::of(&request, &visit).await?;
    if visit.query("file").is_none() {
        return visit.show(&View::new("account_export.html", "export.title"));
    }
    let mut answer = held(&executor, session_id)
        .await
        .map_err(|error| visit.error(error))?;
    let name = "attachment; filename=\"account.json\"";
    let name = HeaderValue::from_static(name);
    answer.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(answer)
}
