//! The page of a link that takes an account back after a change of second factors.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::mailed_token::UNDO;
use super::message::Message;
use super::posted_form::Posted;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::EmailLinkToken;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /undo`, `GET /undo?token=`
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    if let Some(answer) = UNDO.follow(&visit) {
        return Ok(answer);
    }
    if visit.query("done").is_some() {
        return visit.show(&view("undo.done_title", false).message(Message::new("undo.done")));
    }
    if UNDO.token(&request).is_none() {
        let view = view("undo.title", false).message(Message::new("verify.no_token"));
        return visit.show_as(StatusCode::FORBIDDEN, &view);
    }
    visit.show(&view("undo.title", true))
}

/// `POST /undo`
pub(crate) async fn submit(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let Posted { visit, client, .. } = posted;
    let token = UNDO.token(&request);
    let token = token.and_then(|token| EmailLinkToken::parse(&token));
    let undone = executor
        .run_write(move |auth| auth.take_account_back(token.as_ref(), &client))
        .await;
    match undone {
        Ok(undone) => {
            let mut answer = see_other(&format!("{}?done=1", UNDO.path));
            answer.cookie(UNDO.clearing(&visit.settings));
            Ok(with_user_id(undone.user, answer.finish()))
        }
        Err(error) => {
            let view = view("undo.title", false).message(Message::new("verify.no_token"));
            Err(visit.refuse(view, error.into()))
        }
    }
}

fn view(title: &'static str, usable: bool) -> View {
    View::new("undo.html", title).data(context! { usable })
}
