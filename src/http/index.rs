//! The index: the reference service's greeting.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::response::{Message, json};

/// `GET /`
pub(super) async fn index() -> HttpResponse {
    let message = "Bienvenue";
    json(StatusCode::OK, &Message { message })
}
