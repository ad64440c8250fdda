//! The access log: a line for each request, and the cause of each failure.

use std::time::Instant;

use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::{Error, HttpMessage};

use crate::auth::AuthError;
use crate::domain::{RequestId, UserId};
use crate::http::HttpError;
use crate::http::extract::client;
use crate::http::metrics::Route;
use crate::logging::ACCESS;

/// Logs a request and, if it failed, the cause in a second line with the same `request_id`. Returns
/// whether a line was logged, which then waits for a flush.
pub(crate) fn log_request<B>(
    answer: &ServiceResponse<B>,
    id: Option<&RequestId>,
    begun: Instant,
) -> bool {
    let status = answer.status();
    if status.is_server_error() {
        log_failure(answer, id);
    }
    if !log::log_enabled!(target: ACCESS, log::Level::Info) {
        return false;
    }
    let request = answer.request();
    let (method, route) = (method(request.method()), route(answer));
    let address = client::address(request).map(|address| address.to_string());
    let user = answer.response().extensions().get::<UserId>().copied();
    let user = user.or_else(|| answer.request().extensions().get::<UserId>().copied());
    let microseconds = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
    log::info!(
        target: ACCESS,
        method,
        route,
        status = status.as_u16(),
        ms = f64::from(microseconds) / 1000.0,
        client_ip = address.as_deref(),
        user_id = user.map(UserId::get),
        request_id = id.map(RequestId::as_str);
        "request"
    );
    true
}

/// The path in the route table. Unknown paths and methods are not logged, because clients can send
/// any text there.
fn route<B>(answer: &ServiceResponse<B>) -> &'static str {
    let route = answer.request().app_data::<Route>();
    route.map_or("unknown", |Route(path)| path)
}

fn method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "other",
    }
}

fn log_failure<B>(answer: &ServiceResponse<B>, id: Option<&RequestId>) {
    let status = answer.status().as_u16();
    let cause = answer.response().error();
    let level = match cause {
        Some(error) => level(error),
        None => log::Level::Error,
    };
    let route = route(answer);
    let method = method(answer.request().method());
    let cause = cause.map(ToString::to_string);
    log::log!(
        level,
        event = "request_failed",
        outcome = "error",
        reason = cause.as_deref(),
        request_id = id.map(RequestId::as_str);
        "{method} {route} answered {status}"
    );
}

/// Logs the cause of a failure without a response from a route: a panic.
pub(crate) fn log_unanswered(verb: &Method, failure: &Error, id: Option<&RequestId>) {
    let verb = method(verb);
    log::error!(
        event = "request_failed",
        outcome = "error",
        reason = failure.to_string().as_str(),
        request_id = id.map(RequestId::as_str);
        "{verb} request failed: a handler panicked"
    );
}

/// The level for the cause of a failure. Conditions that affect many requests have a line of their
/// own, so they are DEBUG here.
fn level(error: &Error) -> log::Level {
    match HttpError::of(error) {
        // Clients bring the latter about with two requests at once; the audit event says it.
        Some(HttpError::Auth(AuthError::Overloaded { .. } | AuthError::ConcurrentChange)) => {
            log::Level::Debug
        }
        Some(HttpError::Auth(error)) if error.is_outage() => log::Level::Debug,
        Some(HttpError::Auth(AuthError::Busy)) => log::Level::Warn,
        Some(_) | None => log::Level::Error,
    }
}
