//! What every answer has in common.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

use super::connections::{Connection, Connections, InFlight};
use super::log_flush::LogFlush;
use super::request_id::{REQUEST_ID, RequestIds};
use super::{HttpError, HttpSettings, access_log, security_headers};
use crate::domain::RequestId;

/// Gives every request its number, which its answer carries beside the security headers, and
/// logs it when it is done. A panic is a failure like others: it ends the request and not the
/// connection.
pub(super) fn finish<S, B>(
    ids: web::Data<RequestIds>,
    settings: web::Data<HttpSettings>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let flush = LogFlush::default();
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let begun = Instant::now();
        let https = settings.https;
        let method = request.method().clone();
        let id = ids.of(request.headers());
        let flush = flush.clone();
        if let Some(id) = id.clone() {
            request.extensions_mut().insert(id);
        }
        async move {
            let answer = AssertUnwindSafe(async { next.call(request).await });
            let failure: Error = match answer.catch_unwind().await {
                Ok(Ok(mut answer)) => {
                    complete(answer.headers_mut(), id.as_ref(), https);
                    if access_log::write(&answer, id.as_ref(), begun) {
                        flush.schedule();
                    }
                    return Ok(answer.map_into_boxed_body());
                }
                Ok(Err(failure)) => failure,
                Err(_panic) => HttpError::Panicked.into(),
            };
            // The request is lost, and with it what an ordinary answer is made of.
            access_log::report_lost(&method, &failure, id.as_ref());
            let mut answer = failure.error_response();
            complete(answer.headers_mut(), id.as_ref(), https);
            Err(InternalError::from_response(failure, answer).into())
        }
    })
}

fn complete(headers: &mut HeaderMap, id: Option<&RequestId>, https: bool) {
    security_headers::secure(headers, https);
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id.as_str()).ok()) {
        headers.insert(REQUEST_ID, id);
    }
}

/// The longest Cookie headers of a request, together, in bytes.
const COOKIE_MAX: usize = 8 * 1024;

/// Refuses what no browser sends: our own cookie has 36 characters.
pub(super) fn short_cookies<S, B>()
-> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(async |request: ServiceRequest, next: Next<B>| {
        let cookies = request.headers().get_all(COOKIE);
        if cookies.map(HeaderValue::len).sum::<usize>() > COOKIE_MAX {
            return Ok(request.error_response(HttpError::CookieTooLarge));
        }
        Ok(next.call(request).await?.map_into_boxed_body())
    })
}

/// Notes which connections have a request in flight, and tells the client which answer is
/// the last one of its connection.
pub(super) fn last_answers<S, B>(
    connections: Arc<Connections>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let connections = Arc::clone(&connections);
        let in_flight = request
            .request()
            .conn_data::<Arc<Connection>>()
            .map(Connection::begin);
        async move {
            let mut answer = next.call(request).await?;
            let is_last = |request: InFlight| {
                // The rest of such a body is not read.
                if matches!(
                    answer.status(),
                    StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
                ) {
                    request.connection().refuse_rest();
                }
                connections.is_last(request.connection(), Instant::now())
            };
            if in_flight.is_some_and(is_last) {
                let head = answer.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(answer)
        }
    })
}
