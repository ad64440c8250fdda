//! Refuses requests with Cookie headers that no browser sends.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::middleware::{Next, from_fn};

use crate::http::HttpError;

/// The longest Cookie headers of a request, together, in bytes.
const COOKIE_MAX: usize = 8 * 1024;

/// Refuses what no browser sends: our own cookie has 36 characters.
pub(crate) fn short_cookies<S, B>()
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
