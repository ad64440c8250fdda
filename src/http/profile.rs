//! The email of the user who is logged in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::current_user::CurrentUser;
use super::response::json;

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// `GET /profile`
pub(super) async fn profile(CurrentUser { user, .. }: CurrentUser) -> HttpResponse {
    let email = user.email.as_str();
    json(StatusCode::OK, &Profile { email })
}
