//! CSRF protection: refuses unsafe requests from pages of other origins.

mod refused_origins;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, ORIGIN};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use url::Url;

use crate::auth;
use crate::domain::{Client, Origin, RequestId};
use crate::http::extract::client;
use crate::http::extract::own_origin::own_origin;
use crate::http::{HttpError, HttpSettings};
use refused_origins::ORIGIN_MAX;
pub(crate) use refused_origins::RefusedOrigins;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses unsafe requests that a page of another origin makes a browser send, before they reach
/// a handler. Clients other than browsers do not send these headers, and are not affected.
pub(crate) async fn csrf(
    settings: web::Data<HttpSettings>,
    refused_origins: web::Data<RefusedOrigins>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !is_cross_site(request.head(), &settings) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let origin = named_origin(request.head());
    if let Some(origin) = &origin {
        let own = own_origin(request.head(), &settings);
        refused_origins.warn_once(origin, own.as_ref());
    }
    let request_id = request.extensions().get::<RequestId>().cloned();
    let client = Client::new(client::address(request.request()), None);
    auth::log_csrf_refused(&client.with_request_id(request_id), origin.as_ref());
    Ok(request.error_response(HttpError::CrossSite))
}

/// Checks the origin first: for an allowed front end, the browser sends `same-site` or
/// `cross-site` too.
fn is_cross_site(request: &RequestHead, settings: &HttpSettings) -> bool {
    if request.method.is_safe() {
        return false;
    }
    let origins: Vec<&HeaderValue> = request.headers.get_all(ORIGIN).collect();
    match origins.as_slice() {
        [] => {}
        [origin] if is_allowed(origin, settings) => return false,
        [origin] if is_own(origin, request, settings) => {}
        _ => return true,
    }
    let mut sites = request.headers.get_all(SEC_FETCH_SITE);
    !sites.all(|site| ["same-origin", "none"].iter().any(|own| site == own))
}

/// Whether the origin is in `--allowed-origins`.
pub(crate) fn is_allowed(origin: &HeaderValue, settings: &HttpSettings) -> bool {
    let mut allowed = settings.allowed_origins.iter();
    allowed.any(|allowed| allowed.is_named_by(origin.as_bytes()))
}

/// Whether the origin is the service's own: its public origin, or without one, plain http with the
/// host of the `Host` header.
fn is_own(origin: &HeaderValue, request: &RequestHead, settings: &HttpSettings) -> bool {
    own_origin(request, settings).is_some_and(|own| own.is_named_by(origin.as_bytes()))
}

/// The origin in the only `Origin` header, for the log.
fn named_origin(request: &RequestHead) -> Option<Origin> {
    let mut origins = request.headers.get_all(ORIGIN);
    let (origin, another) = (origins.next(), origins.next());
    let text = origin.filter(|_| another.is_none())?.to_str().ok()?;
    let text = Some(text).filter(|text| text.len() <= ORIGIN_MAX)?;
    Origin::of(&Url::parse(text).ok()?)
}
