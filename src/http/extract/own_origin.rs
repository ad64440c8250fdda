//! The origin under which users reach the service.

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;

use crate::domain::Origin;
use crate::http::HttpSettings;

/// The origin under which users reach the service: the public one, or without it, plain http with
/// the host of the `Host` header.
pub(crate) fn own_origin(request: &RequestHead, settings: &HttpSettings) -> Option<Origin> {
    if let Some(own) = &settings.public_origin {
        return Some(own.clone());
    }
    let mut hosts = request.headers.get_all(HOST);
    let (host, another) = (hosts.next(), hosts.next());
    let host = host.filter(|_| another.is_none());
    host.and_then(|host| host.to_str().ok())
        .and_then(Origin::of_plain_host)
}
