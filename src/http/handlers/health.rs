//! Handlers of health checks.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::auth::Auth;
use crate::http::extract::client;
use crate::http::probes::Probes;
use crate::http::response::{Message, json};
use crate::http::{BlockingExecutor, HttpError};

/// `GET /healthz`: the process serves. Does not use the database. It remembers a
/// probe of `bienvenue doctor`.
pub(crate) async fn healthz(request: HttpRequest, probes: web::Data<Probes>) -> HttpResponse {
    if let Some(id) = Probes::id(request.headers())
        && let Some(seen) = client::seen(&request)
    {
        probes.keep(id, seen);
    }
    let message = "serving";
    json(StatusCode::OK, &Message { message })
}

/// `GET /readyz`: the database answers and its schema is current.
pub(crate) async fn readyz(
    executor: web::Data<BlockingExecutor>,
) -> Result<HttpResponse, HttpError> {
    executor.run_write(Auth::check).await?;
    let message = "ready";
    Ok(json(StatusCode::OK, &Message { message }))
}
