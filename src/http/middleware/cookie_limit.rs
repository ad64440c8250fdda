//! Refuses requests with too large Cookie headers.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::middleware::Next;

use crate::http::HttpError;

/// The largest size of all Cookie headers of a request together, in bytes.
const COOKIE_MAX: usize = 8 * 1024;

/// Refuses Cookie headers over 8 KiB. The value of the service's own cookie has 36 characters.
pub(crate) async fn limit_cookie_size(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cookies = request.headers().get_all(COOKIE);
    if cookies.map(HeaderValue::len).sum::<usize>() > COOKIE_MAX {
        return Ok(request.error_response(HttpError::CookieTooLarge));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
