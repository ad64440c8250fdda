//! The page to which a proxy redirects a client without a session: `/login?next=<the requested
//! path>`, or the login page on the service's own host, with `next` on the host of the application.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::domain::{AppUrl, Origin};

/// The header in which the proxy sends the requested path and query.
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// Where a client without access goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstPage {
    /// The login page, which may be the application's own.
    Login,
    /// The login page of a client that is logged in without a second factor.
    StepUp,
    /// The page that sets a second factor up.
    Enrolment,
    /// The page for a user without access.
    Denied,
}

impl FirstPage {
    const fn path(self) -> &'static str {
        match self {
            Self::Login => "/login",
            Self::StepUp => "/login?reason=step_up",
            Self::Enrolment => "/account/second-factor",
            Self::Denied => "/denied",
        }
    }

    /// The path with `next`, which is encoded.
    fn with_next(self, next: &str) -> String {
        let separator = match self {
            Self::StepUp => '&',
            Self::Login | Self::Enrolment | Self::Denied => '?',
        };
        format!("{}{separator}next={next}", self.path())
    }

    fn location(self) -> HeaderValue {
        HeaderValue::from_static(self.path())
    }
}

/// The longest encoded path. nginx accepts responses with up to 4 KiB of headers.
const NEXT_MAX: usize = 2000;

/// All characters with a meaning in a query, including the percent sign.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The value of `Location` on the host of an application: a page of the service's own host. Without
/// `next` if that is too long.
pub(super) fn page_elsewhere(page: FirstPage, own: &Origin, next: &AppUrl) -> HeaderValue {
    let next = percent_encode(next.to_string().as_bytes(), ENCODED).to_string();
    let path = if next.len() <= NEXT_MAX {
        page.with_next(&next)
    } else {
        page.path().to_owned()
    };
    HeaderValue::try_from(format!("{own}{path}")).unwrap_or_else(|_| page.location())
}

/// The value of `Location` on the service's own host. Its `next` is a path of the same host,
/// whatever the header says; there is none for a path that is too long or could lead to another
/// host.
pub(super) fn page_here(page: FirstPage, headers: &HeaderMap) -> HeaderValue {
    original_path(headers)
        .map(|path| percent_encode(path, ENCODED).to_string())
        .filter(|next| next.len() <= NEXT_MAX)
        .and_then(|next| HeaderValue::try_from(page.with_next(&next)).ok())
        .unwrap_or_else(|| page.location())
}

fn original_path(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(X_FORWARDED_URI);
    let (path, another) = (values.next(), values.next());
    let path = path.filter(|_| another.is_none())?.as_bytes();
    is_path_of_this_host(path).then_some(path)
}

/// Browsers read `//host` and `/\host` as another host, and ignore tabs and line breaks.
fn is_path_of_this_host(path: &[u8]) -> bool {
    let mut bytes = path.iter();
    bytes.next() == Some(&b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && !path.iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(values: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_FORWARDED_URI, HeaderValue::from_bytes(value).unwrap());
        }
        let location = page_here(FirstPage::Login, &headers);
        location.to_str().unwrap().to_owned()
    }

    #[test]
    fn path_and_query_are_one_value() {
        for (path, expected) in [
            ("/", "/login?next=/"),
            ("/a/b-c_d.e~f", "/login?next=/a/b-c_d.e~f"),
            (
                "/things?a=b&c=d?e",
                "/login?next=/things%3Fa%3Db%26c%3Dd%3Fe",
            ),
            ("/a%20b?c=%26+d", "/login?next=/a%2520b%3Fc%3D%2526%2Bd"),
            ("/a#b;c'd\"e<f>", "/login?next=/a%23b%3Bc%27d%22e%3Cf%3E"),
            ("/a//b\\c", "/login?next=/a//b%5Cc"),
            ("/é", "/login?next=/%C3%A9"),
        ] {
            assert_eq!(location(&[path.as_bytes()]), expected, "{path}");
        }
        assert_eq!(location(&[b"/\xff"]), "/login?next=/%FF");
    }

    #[test]
    fn next_is_always_a_path_of_the_same_host() {
        for path in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "evil.example",
            " /a",
            "/\t/evil.example",
            "/a\tb",
        ] {
            assert_eq!(location(&[path.as_bytes()]), "/login", "{path}");
        }
        assert_eq!(location(&[]), "/login");
        assert_eq!(location(&[b"/a", b"/b"]), "/login");
    }

    #[test]
    fn each_page_carries_the_path() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_URI, HeaderValue::from_static("/a?b"));
        for (page, expected) in [
            (FirstPage::Login, "/login?next=/a%3Fb"),
            (FirstPage::StepUp, "/login?reason=step_up&next=/a%3Fb"),
            (FirstPage::Enrolment, "/account/second-factor?next=/a%3Fb"),
        ] {
            assert_eq!(page_here(page, &headers), expected);
        }
    }

    #[test]
    fn long_path_is_dropped() {
        let longest = format!("/{}", "a".repeat(NEXT_MAX - 1));
        assert!(location(&[longest.as_bytes()]).ends_with(&longest));
        let longer = format!("{longest}a");
        assert_eq!(location(&[longer.as_bytes()]), "/login");
    }
}
