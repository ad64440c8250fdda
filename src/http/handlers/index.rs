//! The index: the reference service's greeting.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::http::response::{Message, json};

/// `GET /`
pub(crate) async fn index() -> HttpResponse {
    let message = "Bienvenue";
    json(StatusCode::OK, &Message { message })
}
