//! Gives each request an id, logs it, and adds the common headers to its response.

mod access_log;
mod log_flush;
mod represent;
mod request_id;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::FutureExt;

pub(crate) use log_flush::LogFlush;
pub(crate) use request_id::RequestIds;

use super::security_headers::set_security_headers;
use crate::domain::RequestId;
use crate::http::HttpError;
use crate::http::content_kind::ContentKind;
use crate::http::pages::Pages;
use crate::http::representation::Representation;
use represent::represent;
use request_id::REQUEST_ID;

/// What the middleware needs, once for each worker.
pub(crate) struct RequestContext {
    pub(crate) ids: web::Data<RequestIds>,
    /// Whether users reach the service by https.
    pub(crate) is_https: bool,
    /// The pages, where errors may be pages.
    pub(crate) pages: Option<web::Data<Pages>>,
    pub(crate) flush: LogFlush,
}

/// Gives every request an id, adds it and the security headers to the response, and logs the
/// request. A panic fails only the request, not the connection.
pub(crate) async fn request_context(
    context: Rc<RequestContext>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let method = request.method().clone();
    let id = context.ids.id_for(request.headers());
    let wanted = Representation::of(request.headers());
    if let Some(id) = id.clone() {
        request.extensions_mut().insert(id);
    }
    let complete = |answer| {
        let mut answer = represent(answer, wanted, context.pages.as_ref());
        add_headers(&mut answer, id.as_ref(), context.is_https);
        answer
    };
    let answer = AssertUnwindSafe(async { next.call(request).await });
    let failure: Error = match answer.catch_unwind().await {
        Ok(Ok(answer)) => {
            let (request, answer) = answer.into_parts();
            let answer = ServiceResponse::new(request, complete(answer.map_into_boxed_body()));
            if access_log::log_request(&answer, id.as_ref(), begun) {
                context.flush.schedule();
            }
            return Ok(answer);
        }
        Ok(Err(failure)) => failure,
        Err(_panic) => HttpError::Panicked.into(),
    };
    // The request is gone, so the response is built from the failure alone.
    access_log::log_unanswered(&method, &failure, id.as_ref());
    let answer = complete(failure.error_response());
    Err(InternalError::from_response(failure, answer).into())
}

fn add_headers(answer: &mut HttpResponse, id: Option<&RequestId>, https: bool) {
    let kind = answer.extensions().get::<ContentKind>().cloned();
    let headers = answer.headers_mut();
    set_security_headers(headers, &kind.unwrap_or_default(), https);
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id.as_str()).ok()) {
        headers.insert(REQUEST_ID, id);
    }
}
