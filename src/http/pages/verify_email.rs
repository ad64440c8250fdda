//! The page of a link about an address: verification, change, and undo.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::mailed_token::VERIFY_EMAIL;
use super::message::Message;
use super::posted_form::Posted;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{EmailLinkToken, EmailOutcome};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /verify-email`, `GET /verify-email?token=`
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    if let Some(answer) = VERIFY_EMAIL.follow(&visit) {
        return Ok(answer);
    }
    if let Some(done) = visit.query("done").and_then(outcome) {
        return visit.show(&view("verify.done_title", false).message(done));
    }
    if VERIFY_EMAIL.token(&request).is_none() {
        let view = view("verify.title", false).message(Message::new("verify.no_token"));
        return visit.show_as(StatusCode::FORBIDDEN, &view);
    }
    visit.show(&view("verify.title", true))
}

/// `POST /verify-email`
pub(crate) async fn submit(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let Posted { visit, client, .. } = posted;
    let token = VERIFY_EMAIL.token(&request);
    let token = token.and_then(|token| EmailLinkToken::parse(&token));
    let session = SessionCookie::read(&request);
    let verified = executor
        .run_write(move |auth| auth.verify_email(token.as_ref(), session.as_ref(), &client))
        .await;
    match verified {
        Ok(verified) => {
            let done = match verified.outcome {
                EmailOutcome::Verified => "verified",
                EmailOutcome::Changed => "changed",
                EmailOutcome::Restored => "restored",
                EmailOutcome::TakenBack => "taken_back",
            };
            let mut answer = see_other(&format!("{}?done={done}", VERIFY_EMAIL.path));
            answer.cookie(VERIFY_EMAIL.clearing(&visit.settings));
            Ok(with_user_id(verified.user, answer.finish()))
        }
        Err(error) => {
            let view = view("verify.title", false).message(Message::new("verify.no_token"));
            Err(visit.refuse(view, error.into()))
        }
    }
}

fn view(title: &'static str, usable: bool) -> View {
    View::new("verify_email.html", title).data(context! { usable })
}

/// The message about what was done. Unknown codes give none.
fn outcome(code: &str) -> Option<Message> {
    let key = match code {
        "verified" => "verify.done.verified",
        "changed" => "verify.done.changed",
        "restored" => "verify.done.restored",
        "taken_back" => "undo.done",
        _ => return None,
    };
    Some(Message::new(key))
}
