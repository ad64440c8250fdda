//! Web origins.

use std::fmt;

use url::Url;

/// The origin of a web page: scheme, host and port (RFC 6454), as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of an http or https URL that has neither credentials, path nor query.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let web = matches!(url.scheme(), "http" | "https");
        let named = url.username().is_empty() && url.password().is_none();
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        (web && named && bare).then(|| Self(url.origin().ascii_serialization()))
    }

    /// The origin of a page that was loaded over plain http with this `Host` header.
    #[must_use]
    pub fn of_plain_host(host: &str) -> Option<Self> {
        Self::of(&Url::parse(&format!("http://{host}/")).ok()?)
    }

    /// Whether an `Origin` header is exactly this origin. Browsers write an origin in one way only.
    #[must_use]
    pub fn is_named_by(&self, header: &[u8]) -> bool {
        self.0.as_bytes() == header
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (host, origin) in [
            ("x.fr", Some("http://x.fr")),
            ("X.fr:80", Some("http://x.fr")),
            ("x.fr:5000", Some("http://x.fr:5000")),
            ("[::1]:5000", Some("http://[::1]:5000")),
            ("", None),
            ("x.fr/y", None),
            ("user@x.fr", None),
            ("x.fr?y", None),
            ("x.fr#y", None),
        ] {
            let made = Origin::of_plain_host(host).map(|origin| origin.to_string());
            assert_eq!(made.as_deref(), origin, "{host}");
        }
    }

    #[test]
    fn only_the_exact_origin_of_a_web_page_matches() {
        for url in ["file:///tmp/x", "data:text/html,x", "https://x.fr/app"] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()), None, "{url}");
        }
        let origin = Origin::of_plain_host("x.fr").unwrap();
        assert!(origin.is_named_by(b"http://x.fr"));
        for other in ["null", "", "https://x.fr", "http://x.fr:80", "http://x.fr/"] {
            assert!(!origin.is_named_by(other.as_bytes()), "{other}");
        }
    }
}
