//! On the host of an application: the end of a login, and the way to the logout.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use crate::auth::AuthError;
use crate::domain::{AppUrl, Client, HandOverCode};
use crate::http::extract::app_cookies::{login_state, set_app_session};
use crate::http::extract::asked_url::asked_url;
use crate::http::{BlockingExecutor, HttpError, HttpSettings};

/// `GET /.bienvenue/enter`: spends the code, sets the cookie of that host, and redirects to the
/// page that the browser has asked for.
pub(crate) async fn enter(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    client: Client,
) -> Result<HttpResponse, HttpError> {
    let url = asked_url(&request);
    let origin = url.as_ref().map(AppUrl::origin).cloned();
    let state = origin
        .as_ref()
        .and_then(|origin| login_state(&request, origin));
    let [code, next] = ["code", "next"].map(|name| parameter(&request, name));
    let code = code.and_then(|code| HandOverCode::parse(&code).ok());
    let page = url
        .as_ref()
        .and_then(|url| url.with_path(next.as_deref().unwrap_or("/")));
    let app_session = executor
        .run_write(move |auth| auth.enter_app(code.as_ref(), state.as_ref(), url.as_ref(), &client))
        .await?;
    let origin = origin.ok_or(AuthError::InvalidHandOver)?;
    // A whole URL: a path that begins with two slashes would name another host.
    let page = page.map_or_else(|| format!("{origin}/"), |page| page.to_string());
    Ok(HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((LOCATION, page))
        .cookie(set_app_session(&app_session, &origin))
        .finish())
}

/// `GET /.bienvenue/logout`: leads to the logout page of the service, and from there back to the
/// application. It changes nothing itself.
pub(crate) async fn log_out(
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let app = asked_url(&request).ok_or(HttpError::NotFound)?;
    let own = settings.public_origin.as_ref();
    let own = own.map(ToString::to_string).unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", &format!("{}/", app.origin()));
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{own}/logout?{}", query.finish())))
        .finish())
}

/// A parameter of the query that comes once.
fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let mut values = query.filter(|(found, _)| found == name);
    let (value, another) = (values.next()?, values.next());
    another.is_none().then(|| value.1.into_owned())
}
