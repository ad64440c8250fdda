//! Reads a cookie from the raw headers.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

/// The value of a cookie. Malformed cookies of other names are ignored. If there are two of this
/// name, the result is none, because a sibling domain may have planted one of them.
pub(crate) fn value<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut ours = request
        .headers()
        .get_all(COOKIE)
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|cookie| {
            let mut halves = cookie.splitn(2, |byte| *byte == b'=');
            let (found, value) = (halves.next()?, halves.next()?);
            (found.trim_ascii() == name.as_bytes()).then_some(value.trim_ascii())
        });
    let (value, another) = (ours.next()?, ours.next());
    if another.is_some() {
        return None;
    }
    std::str::from_utf8(value).ok()
}
