//! Health checks: whether the process serves, and whether the database answers.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::response::{Message, json};
use super::{BlockingExecutor, HttpError};
use crate::auth::Auth;

/// `GET /healthz`: the process serves. Asks nothing of the database.
pub(super) async fn healthz() -> HttpResponse {
    let message = "serving";
    json(StatusCode::OK, &Message { message })
}

/// `GET /readyz`: the database answers and its schema is current.
pub(super) async fn readyz(
    executor: web::Data<BlockingExecutor>,
) -> Result<HttpResponse, HttpError> {
    executor.run_write(Auth::check).await?;
    let message = "ready";
    Ok(json(StatusCode::OK, &Message { message }))
}
