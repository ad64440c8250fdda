//! Reads one cookie from the raw headers; two of the same name are none.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

/// Reads a cookie out of the raw headers: those of other names may be as broken as they like,
/// and two of this one are none, because one of them may have been planted by a neighbouring
/// site.
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
