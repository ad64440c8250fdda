//! Handlers of sessions: login, logout, and the list of the user's sessions.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::auth::{Auth, AuthError, EndedSession, SecondFactorCode};
use crate::domain::{
    Client, NormalizedEmail, Password, SessionId, SessionInfo, SessionPublicId, SessionScope,
};
use crate::http::extract::current_user::{CurrentUser, EnrollingUser};
use crate::http::extract::form::{FieldText, Form};
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::login_response::opened;
use crate::http::response::{EmptyObject, json_with};
use crate::http::{BlockingExecutor, FormError, HttpError, HttpSettings};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoginForm {
    email: FieldText,
    password: FieldText,
    otp: FieldText,
}

/// `POST /sessions`
pub(crate) async fn log_in(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    Form(form): Form<LoginForm>,
) -> Result<HttpResponse, HttpError> {
    let email = form.email.parse("email", NormalizedEmail::parse);
    let password = form.password.parse("password", Password::parse);
    let (email, password) = FormError::both(email, password)?;
    let code = form.otp.optional().map(SecondFactorCode::totp);
    let executor = executor.get_ref();
    let logged_in = auth.log_in(executor, email, password, code, &client);
    match logged_in.await {
        Ok(logged_in) => Ok(opened(&logged_in, HttpResponse::Ok(), &settings)),
        Err(due @ AuthError::SecondFactorRequired(login)) => {
            let mut answer = HttpResponse::from_error(HttpError::from(due));
            let cookie = LoginCookie::build(&login, &settings);
            let added = answer.add_cookie(&cookie);
            added.map_err(|error| AuthError::TaskFailed(error.to_string()))?;
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /sessions`: logs out; with a `scope`, ends several sessions.
pub(crate) async fn log_out(
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
    client: Client,
    EnrollingUser(CurrentUser { session_id, .. }): EnrollingUser,
) -> Result<HttpResponse, HttpError> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let mut scopes = query.filter(|(name, _)| name == "scope");
    match (scopes.next(), scopes.next()) {
        (None, _) => {}
        (Some((_, scope)), None) => {
            return end_scope(&scope, &executor, &settings, session_id).await;
        }
        (Some(_), Some(_)) => return Err(HttpError::UnknownScope),
    }
    let ended = executor
        .run_write(move |auth| auth.log_out(&session_id, &client))
        .await;
    match ended {
        Ok(_) => {
            let cookie = SessionCookie::removal(&settings);
            Ok(json_with(
                HttpResponse::Ok().cookie(cookie),
                &EmptyObject {},
            ))
        }
        Err(AuthError::NoResultFound) => Err(HttpError::NotLoggedIn),
        Err(error) => Err(error.into()),
    }
}

#[derive(Serialize)]
struct ListedSession<'a> {
    id: String,
    current: bool,
    created_at: String,
    last_seen_at: String,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

impl<'a> From<&'a SessionInfo> for ListedSession<'a> {
    fn from(session: &'a SessionInfo) -> Self {
        Self {
            id: session.public_id.to_string(),
            current: session.current,
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            ip: session.ip.as_deref(),
            user_agent: session.user_agent.as_deref(),
        }
    }
}

/// How many sessions one response lists.
const PAGE: u32 = 100;

/// `GET /sessions`, `GET /sessions?after={id}`: if more sessions may follow, a `Link` with
/// `rel="next"` (RFC 8288) leads to them.
pub(crate) async fn list(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    CurrentUser { session_id, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    let after = query.find(|(name, _)| name == "after");
    let after = after.map(|(_, id)| id.parse());
    let after = after.transpose().or(Err(HttpError::UnknownPage))?;
    let page = executor
        .run_long_read(move |auth| auth.sessions(&session_id, after, PAGE))
        .await?;
    let devices: Vec<ListedSession<'_>> = page.sessions.iter().map(ListedSession::from).collect();
    let mut answer = HttpResponse::Ok();
    if let Some(last) = page.next {
        answer.insert_header((LINK, format!("<?after={last}>; rel=\"next\"")));
    }
    Ok(json_with(&mut answer, &devices))
}

/// `DELETE /sessions/{id}`
pub(crate) async fn end(
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
    CurrentUser { session_id, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    let name = request.match_info().get("id").unwrap_or_default();
    let name = name
        .parse::<SessionPublicId>()
        .or(Err(HttpError::NoSuchSession))?;
    let named = executor
        .run_write(move |auth| auth.end_session(&session_id, name))
        .await?;
    match named {
        EndedSession::Current => Ok(ended_answer(Some(&settings))),
        EndedSession::Other => Ok(ended_answer(None)),
        EndedSession::NotYours => Err(HttpError::NoSuchSession),
    }
}

/// `DELETE /sessions?scope=...`
async fn end_scope(
    scope: &str,
    executor: &BlockingExecutor,
    settings: &HttpSettings,
    session_id: SessionId,
) -> Result<HttpResponse, HttpError> {
    let (scope, cleared) = match scope {
        "others" => (SessionScope::Others, None),
        "all" => (SessionScope::All, Some(settings)),
        _ => return Err(HttpError::UnknownScope),
    };
    executor
        .run_write(move |auth| auth.end_sessions(&session_id, scope))
        .await?;
    Ok(ended_answer(cleared))
}

/// The response after sessions have ended. It clears the cookie if its own session has ended.
fn ended_answer(cleared: Option<&HttpSettings>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(settings) = cleared {
        answer.cookie(SessionCookie::removal(settings));
    }
    json_with(&mut answer, &EmptyObject {})
}
