//! What every answer has in common.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::{Error, HttpMessage, web};

use super::request_id::{REQUEST_ID, RequestIds};
use super::{HttpSettings, access_log};

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

/// Gives every request its number, which its answer carries, and logs it when it is done.
pub(super) fn finish<S, B>(
    ids: web::Data<RequestIds>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let begun = Instant::now();
        let id = ids.of(request.headers());
        if let Some(id) = id.clone() {
            request.extensions_mut().insert(id);
        }
        async move {
            let mut answer = next.call(request).await?;
            access_log::write(&answer, id.as_ref(), begun);
            let id = id.and_then(|id| HeaderValue::try_from(id.as_str()).ok());
            if let Some(id) = id {
                answer.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(answer.map_into_boxed_body())
        }
    })
}
