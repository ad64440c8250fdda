use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, web};

use super::{HttpError, HttpSettings, client};
use crate::auth;
use crate::domain::{Client, Origin, RequestId};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what a page of another origin lets its visitor's browser send, before any
/// handler sees it. Only browsers send the headers that tell; other clients pass.
pub(super) fn guard<S, B>(
    settings: web::Data<HttpSettings>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let refused = is_cross_site(request.head(), &settings);
        async move {
            if refused {
                let request_id = request.extensions().get::<RequestId>().cloned();
                let client = Client::new(client::address(request.request()), None);
                auth::log_forged(&client.asking(request_id));
                return Ok(request.error_response(HttpError::CrossSite));
            }
            Ok(next.call(request).await?.map_into_boxed_body())
        }
    })
}

/// The origin is looked at first: to the browser an allowed front end is on another origin
/// too, and says `same-site` or `cross-site`.
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

/// Whether the operator has named the origin.
pub(super) fn is_allowed(origin: &HeaderValue, settings: &HttpSettings) -> bool {
    let mut allowed = settings.allowed_origins.iter();
    allowed.any(|allowed| allowed.is_named_by(origin.as_bytes()))
}

/// The service's own origin is the public one. Where there is none, nothing but the Host
/// header says how the browser has reached it, and it was over plain http.
fn is_own(origin: &HeaderValue, request: &RequestHead, settings: &HttpSettings) -> bool {
    if let Some(own) = &settings.public_origin {
        return own.is_named_by(origin.as_bytes());
    }
    let mut hosts = request.headers.get_all(HOST);
    let (host, another) = (hosts.next(), hosts.next());
    let host = host.filter(|_| another.is_none());
    host.and_then(|host| host.to_str().ok())
        .and_then(Origin::of_plain_host)
        .is_some_and(|own| own.is_named_by(origin.as_bytes()))
}
