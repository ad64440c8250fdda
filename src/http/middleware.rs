//! What every answer has in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::ConnectionType;
use actix_web::http::header::{COOKIE, HeaderName, HeaderValue};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::{Error, web};
use uuid::Uuid;

use super::connections::{Connection, Connections};
use super::{HttpError, HttpSettings};
use crate::auth::AuthError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The security headers (OWASP ASVS 5.0.0, chapter 3.4), on errors too.
pub(super) fn headers(settings: &HttpSettings) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("Cache-Control", "no-store"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add((
            "Content-Security-Policy",
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        ))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"));
    if settings.https {
        headers.add(("Strict-Transport-Security", "max-age=31536000"))
    } else {
        headers
    }
}

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

/// Gives every answer its number, and logs the cause of a failure once, beside the number
/// that the client has.
pub(super) fn finish<S, B>(
    ids: web::Data<RequestIds>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let id = ids.next();
        async move {
            let mut answer = next.call(request).await?;
            if answer.status().is_server_error() {
                report(&answer, &id);
            }
            if let Ok(id) = HeaderValue::try_from(id) {
                answer.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(answer.map_into_boxed_body())
        }
    })
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
            if in_flight.is_some_and(|request| connections.is_last(request.connection())) {
                let head = answer.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(answer)
        }
    })
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
