//! The page with the devices where the user is logged in.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::message::Message;
use super::people::{date, device};
use super::posted_form::Posted;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::EndedSession;
use crate::domain::{SessionInfo, SessionPublicId, SessionScope};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// How many sessions one page lists (bounds its size).
const PAGE: u32 = 10;

/// `GET /account/sessions`, `GET /account/sessions?after={id}`
pub(crate) async fn show(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { session_id, .. } = SignedIn::of(&request, &visit).await?;
    let after = visit.query("after").map(str::parse::<SessionPublicId>);
    let after = after.transpose().or(Err(HttpError::UnknownPage));
    let after = after.map_err(|error| visit.error(error))?;
    let page = executor
        .run_long_read(move |auth| auth.sessions(&session_id, after, PAGE))
        .await
        .map_err(|error| visit.error(error.into()))?;
    let others = page.sessions.iter().any(|session| !session.current);
    let data = context! {
        sessions => page.sessions.iter().map(shown).collect::<Vec<_>>(),
        others,
        after => page.next.map(|last| last.to_string()),
    };
    let view = View::new("account_sessions.html", "sessions.title").wide();
    let view = view.notice(visit.query("done").and_then(done));
    visit.show(&view.data(data))
}

fn shown(session: &SessionInfo) -> Value {
    context! {
        id => session.public_id.to_string(),
        device => session.user_agent.as_deref().and_then(device),
        current => session.current,
        created_at => date(session.created_at),
        last_seen_at => date(session.last_seen_at),
        ip => session.ip.as_deref(),
    }
}

/// What was done. Any other text says nothing.
fn done(code: &str) -> Option<Message> {
    let key = match code {
        "session" => "account.session_ended",
        "others" => "account.sessions_ended",
        "gone" => "error.session_not_found",
        _ => return None,
    };
    Some(Message::new(key))
}

/// `POST /account/sessions`: ends the session `id`, or those of `scope`.
pub(crate) async fn submit(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, _, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { session_id, .. } = SignedIn::of(&request, &visit).await?;
    let (id, scope) = (form.hidden("id"), form.hidden("scope"));
    match (id, scope) {
        (Some(id), None) => {
            let id = id
                .parse::<SessionPublicId>()
                .or(Err(HttpError::NoSuchSession));
            let id = id.map_err(|error| visit.error(error))?;
            let named = executor
                .run_write(move |auth| auth.end_session(&session_id, id))
                .await
                .map_err(|error| visit.error(error.into()))?;
            match named {
                EndedSession::Current => Ok(logged_out(&visit)),
                EndedSession::Other => Ok(see_other("/account/sessions?done=session").finish()),
                // It has ended meanwhile, or the button was pressed twice.
                EndedSession::NotYours => Ok(see_other("/account/sessions?done=gone").finish()),
            }
        }
        (None, Some(scope)) if scope.as_str() == "others" => {
            executor
                .run_write(move |auth| auth.end_sessions(&session_id, SessionScope::Others))
                .await
                .map_err(|error| visit.error(error.into()))?;
            Ok(see_other("/account/sessions?done=others").finish())
        }
        _ => Err(visit.error(HttpError::UnknownScope)),
    }
}

fn logged_out(visit: &Visit) -> HttpResponse {
    let cookie = SessionCookie::removal(&visit.settings);
    see_other("/login?reason=logged_out")
        .cookie(cookie)
        .finish()
}
