use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer::{Message, json};

/// `GET /`
pub(super) async fn index() -> HttpResponse {
    let message = "Bienvenue";
    json(StatusCode::OK, &Message { message })
}
