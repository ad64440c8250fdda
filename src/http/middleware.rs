//! What every answer has in common.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, web};
use futures_util::FutureExt;
use uuid::Uuid;

use super::{HttpError, HttpSettings, headers};
use crate::auth::AuthError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Numbers requests: a random word for the process and a count, so that neither two
/// servers nor two runs of one give the same number.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        Self {
            process: Uuid::new_v4().simple().to_string().split_off(20),
            next: AtomicU64::new(1),
        }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.process)
    }
}

/// Gives every answer its number and the security headers, and logs the cause of a failure
/// once, beside the number that the client has. A panic is a failure like others: it ends
/// the request and not the connection.
pub(super) fn finish<S, B>(
    ids: web::Data<RequestIds>,
    settings: web::Data<HttpSettings>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let id = ids.next();
        let https = settings.https;
        let method = request.method().clone();
        async move {
            let answer = AssertUnwindSafe(async { next.call(request).await });
            let failure: Error = match answer.catch_unwind().await {
                Ok(Ok(mut answer)) => {
                    if answer.status().is_server_error() {
                        report(&answer, &id);
                    }
                    complete(answer.headers_mut(), id, https);
                    return Ok(answer.map_into_boxed_body());
                }
                Ok(Err(failure)) => failure,
                Err(_panic) => HttpError::Panicked.into(),
            };
            // The request is lost, and with it what an ordinary answer is made of.
            log::error!("{id} {method} was not answered by a route: {failure}");
            let mut answer = failure.error_response();
            complete(answer.headers_mut(), id, https);
            Err(InternalError::from_response(failure, answer).into())
        }
    })
}

fn complete(headers: &mut HeaderMap, id: String, https: bool) {
    headers::secure(headers, https);
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn report<B>(answer: &ServiceResponse<B>, id: &str) {
    let request = answer.request();
    let path = request.match_pattern();
    let (method, path) = (request.method(), path.as_deref().unwrap_or("unknown path"));
    let status = answer.status().as_u16();
    match answer.response().error() {
        // One of many; the hashing queue tells of them together.
        Some(error) if is_overload(error) => log::debug!("{id} {method} {path}: {error}"),
        Some(error) => log::error!("{id} {method} {path} answered {status}: {error}"),
        None => log::error!("{id} {method} {path} answered {status}"),
    }
}

fn is_overload(error: &Error) -> bool {
    matches!(
        error.as_error(),
        Some(HttpError::Auth(AuthError::Overloaded { .. }))
    )
}
