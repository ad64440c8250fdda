//! The logout page.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::next::Next;
use super::posted_form::Posted;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::AuthError;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /logout`: a button, since a `GET` changes nothing.
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    let SignedIn { user, .. } = SignedIn::enrolling(&request, &visit).await?;
    let email = user.email.as_str();
    let view = View::new("logout.html", "logout.title").data(context! { email });
    visit.show(&view)
}

/// `POST /logout`: succeeds without a session too.
pub(crate) async fn submit(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, _): Posted,
) -> Result<HttpResponse, Refusal> {
    let target = visit.next.as_ref().map(Next::location);
    let mut answer = see_other(target.unwrap_or("/login?reason=logged_out"));
    answer.cookie(SessionCookie::removal(&visit.settings));
    let Some(session_id) = SessionCookie::read(&request) else {
        return Ok(answer.finish());
    };
    let ended = executor
        .run_write(move |auth| auth.log_out(&session_id, &client))
        .await;
    match ended {
        Ok(user) => Ok(with_user_id(user, answer.finish())),
        Err(AuthError::NoResultFound) => Ok(answer.finish()),
        Err(error) => Err(visit.error(error.into())),
    }
}
