//! The device cookie. It shows that an account has logged in on this device before, and gives no
//! access.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::cookie;
use crate::domain::DeviceId;
use crate::http::HttpSettings;

/// Browsers accept this prefix only over https and for this host, so that a sibling domain cannot
/// plant the cookie (RFC 6265bis, 4.1.3).
const HTTPS_NAME: &str = "__Host-device";
const NAME: &str = "device";

fn name(settings: &HttpSettings) -> &'static str {
    if settings.https { HTTPS_NAME } else { NAME }
}

/// The cookie to set after a login.
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

/// The device id in a request's cookie, if it is valid.
pub(crate) fn read(request: &HttpRequest, settings: &HttpSettings) -> Option<DeviceId> {
    let value = cookie::value(request, name(settings))?;
    DeviceId::parse(value).ok()
}
