//! Gives each request an id, logs it, and completes its answer with the common headers.

mod access_log;
mod log_flush;
mod request_id;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

pub(crate) use access_log::with_user_id;
pub(crate) use log_flush::LogFlush;
pub(crate) use request_id::RequestIds;

use super::security_headers::set_security_headers;
use crate::domain::RequestId;
use crate::http::{HttpError, HttpSettings};
use request_id::REQUEST_ID;

/// Gives every request an id, which its answer carries beside the security headers, and logs
/// it when it is answered. A panic fails the request, not the connection.
pub(crate) async fn request_context(
    ids: web::Data<RequestIds>,
    settings: web::Data<HttpSettings>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let method = request.method().clone();
    let id = ids.id_for(request.headers());
    if let Some(id) = id.clone() {
        request.extensions_mut().insert(id);
    }
    let answer = AssertUnwindSafe(async { next.call(request).await });
    let failure: Error = match answer.catch_unwind().await {
        Ok(Ok(mut answer)) => {
            complete(answer.headers_mut(), id.as_ref(), settings.https);
            if access_log::log_request(&answer, id.as_ref(), begun)
                && let Some(flush) = answer.request().app_data::<LogFlush>()
            {
                flush.schedule();
            }
            return Ok(answer.map_into_boxed_body());
        }
        Ok(Err(failure)) => failure,
        Err(_panic) => HttpError::Panicked.into(),
    };
    // The request is lost, and with it what an ordinary answer is made of.
    access_log::log_unanswered(&method, &failure, id.as_ref());
    let mut answer = failure.error_response();
    complete(answer.headers_mut(), id.as_ref(), settings.https);
    Err(InternalError::from_response(failure, answer).into())
}

fn complete(headers: &mut HeaderMap, id: Option<&RequestId>, https: bool) {
    set_security_headers(headers, https);
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id.as_str()).ok()) {
        headers.insert(REQUEST_ID, id);
    }
}
