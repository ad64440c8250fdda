//! The cookie by which a browser shows that somebody has logged in there before. It proves
//! nothing else.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::cookie;
use crate::domain::DeviceId;
use crate::http::HttpSettings;

/// A name that begins so is taken from https and for this host only, so that no
/// neighbouring site can plant one (RFC 6265bis, 4.1.3).
const HTTPS_NAME: &str = "__Host-device";
const NAME: &str = "device";

fn name(settings: &HttpSettings) -> &'static str {
    if settings.https { HTTPS_NAME } else { NAME }
}

/// Builds the cookie, which the client keeps after a login.
pub(crate) fn build(device: &DeviceId, settings: &HttpSettings) -> Cookie<'static> {
    let lifetime = Duration::try_from(settings.device_memory).unwrap_or(Duration::MAX);
    Cookie::build(name(settings), device.expose())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.https)
        .max_age(lifetime)
        .finish()
}

/// Reads the device id of a request, if it is well-formed.
pub(crate) fn read(request: &HttpRequest, settings: &HttpSettings) -> Option<DeviceId> {
    let value = cookie::value(request, name(settings))?;
    DeviceId::parse(value).ok()
}
