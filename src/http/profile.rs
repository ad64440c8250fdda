use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::access_log::belonging_to;
use super::answer::json;
use super::session_cookie::SessionCookie;
use super::{BlockingExecutor, HttpError};

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// `GET /profile`
pub(super) async fn profile(
    executor: web::Data<BlockingExecutor>,
    cookie: SessionCookie,
) -> Result<HttpResponse, HttpError> {
    let session_id = cookie.session_id()?;
    let user = executor
        .run_read(move |auth| auth.session_user(&session_id))
        .await?
        .ok_or(HttpError::NotLoggedIn)?;
    let email = user.email.as_str();
    let answer = json(StatusCode::OK, &Profile { email });
    Ok(belonging_to(user.id, answer))
}
