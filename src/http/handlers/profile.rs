//! The handler of the profile: the email of the session's user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::http::extract::current_user::CurrentUser;
use crate::http::response::json;

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// `GET /profile`
pub(crate) async fn profile(CurrentUser { user, .. }: CurrentUser) -> HttpResponse {
    let email = user.email.as_str();
    json(StatusCode::OK, &Profile { email })
}
