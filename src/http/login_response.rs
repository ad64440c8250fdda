//! The answer of the API to a login.

use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::HttpSettings;
use super::extract::device_cookie;
use super::extract::session_cookie::SessionCookie;
use super::response::{json_with, with_user_id};
use crate::auth::LoginSuccess;

#[derive(Serialize)]
struct NewSession {
    session_id: String,
}

/// The answer to a login that opened a session, with its cookies.
pub(super) fn opened(
    logged_in: &LoginSuccess,
    mut answer: HttpResponseBuilder,
    settings: &HttpSettings,
) -> HttpResponse {
    let session_id = logged_in.session_id.expose();
    answer.cookie(SessionCookie::build(&session_id, settings));
    if let Some(device) = &logged_in.device {
        answer.cookie(device_cookie::build(device, settings));
    }
    let answer = json_with(&mut answer, &NewSession { session_id });
    with_user_id(logged_in.user.id, answer)
}
