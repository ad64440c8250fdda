//! The URL that a client requested from a proxy, as the proxy reports it.
//!
//! A proxy names it in `X-Original-URL`, or in `X-Forwarded-Proto`, `X-Forwarded-Host` and
//! `X-Forwarded-Uri`. It counts only from a trusted proxy, and only if every header comes once and
//! all of them name the same URL: a header that a client has added has no effect.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName};

use super::client;
use crate::domain::{AppUrl, Origin};

const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// The URL that the client asked for; none where no trusted proxy names exactly one.
pub(crate) fn asked_url(request: &HttpRequest) -> Option<AppUrl> {
    if client::is_from_trusted_proxy(request) {
        named_url(request.headers())
    } else {
        None
    }
}

fn named_url(headers: &HeaderMap) -> Option<AppUrl> {
    let original = one(headers, &X_ORIGINAL_URL).ok()?;
    let scheme = one(headers, &X_FORWARDED_PROTO).ok()?;
    let host = one(headers, &X_FORWARDED_HOST).ok()?;
    let path = one(headers, &X_FORWARDED_URI).ok()?;
    let Some(original) = original else {
        let origin = Origin::asked(text(scheme?)?, text(host?)?)?;
        return Some(AppUrl::asked(origin, path.unwrap_or(b"/")));
    };
    let original = split(original)?;
    let agrees = scheme.is_none_or(|scheme| scheme == original.scheme.as_bytes())
        && host.is_none_or(|host| host.eq_ignore_ascii_case(original.host.as_bytes()))
        && path.is_none_or(|path| path == original.path);
    let origin = Origin::asked(original.scheme, original.host)?;
    agrees.then(|| AppUrl::asked(origin, original.path))
}

/// The parts of a URL, as they are spelled.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a [u8],
}

fn split(url: &[u8]) -> Option<Parts<'_>> {
    let at = url.windows(3).position(|bytes| bytes == b"://")?;
    let (scheme, rest) = (url.get(..at)?, url.get(at + 3..)?);
    let end = rest.iter().position(|byte| *byte == b'/');
    let (host, path) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    Some(Parts {
        scheme: text(scheme)?,
        host: text(host)?,
        path: if path.is_empty() { b"/" } else { path },
    })
}

/// The header came more than once.
struct Repeated;

/// The value of a header that comes once or not at all.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, Repeated> {
    let mut values = headers.get_all(name);
    let (value, another) = (values.next(), values.next());
    match another {
        Some(_) => Err(Repeated),
        None => Ok(value.map(actix_web::http::header::HeaderValue::as_bytes)),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn named(headers: &[(&str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        named_url(&map).map(|url| url.to_string())
    }

    #[test]
    fn url_is_named_by_either_kind_of_header() {
        let expected = Some("https://app.example.org/a?b=c".to_owned());
        let forwarded = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "APP.example.org:443"),
            ("x-forwarded-uri", "/a?b=c"),
        ];
        assert_eq!(named(&forwarded), expected);
        let original = ("x-original-url", "https://app.example.org/a?b=c");
        assert_eq!(named(&[original]), expected);
        let both = [
            original,
            forwarded[0],
            ("x-forwarded-host", "app.example.org"),
        ];
        assert_eq!(named(&both), expected);
        let bare = Some("https://app.example.org/".to_owned());
        assert_eq!(named(&forwarded[..2]), bare);
        assert_eq!(
            named(&[("x-original-url", "https://app.example.org")]),
            bare
        );
    }

    #[test]
    fn headers_that_disagree_or_are_missing_name_nothing() {
        let original = ("x-original-url", "https://app.example.org/a");
        for headers in [
            &[][..],
            &[("x-forwarded-proto", "https")],
            &[("x-forwarded-host", "app.example.org")],
            &[("x-forwarded-uri", "/a")],
            &[original, original],
            &[original, ("x-forwarded-proto", "http")],
            &[original, ("x-forwarded-host", "wiki.example.org")],
            &[original, ("x-forwarded-host", "app.example.org:443")],
            &[original, ("x-forwarded-uri", "/b")],
            &[("x-original-url", "https://app.example.org@evil.example/")],
            &[("x-original-url", "https:///app.example.org/")],
            &[("x-original-url", "//app.example.org/")],
            &[("x-original-url", "/a")],
            &[("x-original-url", "https://app.example.org?x/")],
            &[("x-original-url", "https://app.example.org\\@evil.example/")],
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "app.example.org"),
                ("x-forwarded-host", "wiki.example.org"),
            ],
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "app.example.org, wiki.example.org"),
            ],
            &[
                ("x-forwarded-proto", "https, http"),
                ("x-forwarded-host", "app.example.org"),
            ],
        ] {
            assert_eq!(named(headers), None, "{headers:?}");
        }
    }
}
