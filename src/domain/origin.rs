//! Web origins.

use std::fmt;

use url::{Host, Url};

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

    /// The origin of an application, as an operator types it: https, or http on this machine. A
    /// name of other letters than ASCII becomes the one that browsers send.
    ///
    /// # Errors
    /// [`AppOriginError`].
    pub fn of_app(text: &str) -> Result<Self, AppOriginError> {
        let url = Url::parse(text).or(Err(AppOriginError::Shape))?;
        let origin = Self::of(&url).ok_or(AppOriginError::Shape)?;
        if url.host_str().is_none_or(|host| host.ends_with('.')) {
            return Err(AppOriginError::Shape);
        }
        if url.scheme() == "https" || is_loopback(&url) {
            Ok(origin)
        } else {
            Err(AppOriginError::Plain)
        }
    }

    /// The origin that a browser asked for, by the scheme and the host that a proxy passes on.
    /// None unless both are spelled as browsers send them, but for the letter case and the
    /// default port: other spellings may be another host to another program.
    #[must_use]
    pub fn asked(scheme: &str, host: &str) -> Option<Self> {
        let default_port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(default_port).unwrap_or(&host);
        let text = format!("{scheme}://{host}");
        let origin = Self::of(&Url::parse(&text).ok()?)?;
        (origin.0 == text).then_some(origin)
    }

    /// The origin as it was stored.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The origin as browsers write it, such as `https://app.example.org`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.0.split_once("://").map_or("", |(_, host)| host);
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) | None => host,
        }
    }

    /// Whether an `Origin` header is exactly this origin. Browsers write an origin in one way only.
    #[must_use]
    pub fn is_named_by(&self, header: &[u8]) -> bool {
        self.0.as_bytes() == header
    }
}

/// The text is no origin of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppOriginError {
    /// It is no scheme and host alone.
    #[error(
        "the URL of an application is a scheme and a host, such as https://app.example.org, \
         with nothing behind"
    )]
    Shape,
    /// http, and not on this machine: the network could read the cookies.
    #[error("http:// is for this machine only: the URL of an application begins with https://")]
    Plain,
}

/// Whether a URL is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
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
    #[test]
    fn app_has_https_or_is_on_this_machine() {
        for (text, expected) in [
            ("https://app.example.org", Ok("https://app.example.org")),
            (
                "HTTPS://App.Example.org:443/",
                Ok("https://app.example.org"),
            ),
            (
                "https://app.example.org:8443",
                Ok("https://app.example.org:8443"),
            ),
            (
                "https://bücher.example",
                Ok("https://xn--bcher-kva.example"),
            ),
            ("http://app.localhost:8080", Ok("http://app.localhost:8080")),
            ("http://[::1]:8080", Ok("http://[::1]:8080")),
            ("http://app.example.org", Err(AppOriginError::Plain)),
            ("https://app.example.org/path", Err(AppOriginError::Shape)),
            ("https://app.example.org?x", Err(AppOriginError::Shape)),
            ("https://me@app.example.org", Err(AppOriginError::Shape)),
            ("https://app.example.org.", Err(AppOriginError::Shape)),
            ("ftp://app.example.org", Err(AppOriginError::Shape)),
            ("app.example.org", Err(AppOriginError::Shape)),
            ("https://*.example.org/x", Err(AppOriginError::Shape)),
            ("", Err(AppOriginError::Shape)),
        ] {
            let made = Origin::of_app(text).map(|origin| origin.to_string());
            assert_eq!(made, expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn host_has_no_port() {
        for (text, host) in [
            ("https://app.example.org", "app.example.org"),
            ("https://app.example.org:8443", "app.example.org"),
            ("http://[::1]:8080", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(Origin::of_app(text).unwrap().host(), host);
        }
    }

    #[test]
    fn asked_origin_has_one_spelling() {
        for (scheme, host, expected) in [
            ("https", "app.example.org", Some("https://app.example.org")),
            (
                "https",
                "APP.example.ORG:443",
                Some("https://app.example.org"),
            ),
            ("http", "app.localhost:80", Some("http://app.localhost")),
            (
                "https",
                "app.example.org:80",
                Some("https://app.example.org:80"),
            ),
            ("https", "[::1]:8443", Some("https://[::1]:8443")),
            // Another host, which is never registered.
            (
                "https",
                "app.example.org.",
                Some("https://app.example.org."),
            ),
            ("https", "app.example.org:0443", None),
            ("https", "app.example.org:", None),
            ("https", "app.example.org:443:443", None),
            ("https", "bücher.example", None),
            ("https", "app%2eexample.org", None),
            ("https", "app.example.org/", None),
            ("https", "evil@app.example.org", None),
            ("https", "app.example.org?x", None),
            ("https", "app.example.org#x", None),
            ("https", "app.example.org\\x", None),
            ("https", "app.exam\tple.org", None),
            ("https", " app.example.org", None),
            ("https", "app.example.org, evil.example", None),
            ("https", "０x7f.1", None),
            ("https", "0x7f.1", None),
            ("https", "2130706433", None),
            ("https", "app．example．org", None),
            ("https", "", None),
            ("HTTPS", "app.example.org", None),
            ("https,http", "app.example.org", None),
            ("ws", "app.example.org", None),
            ("", "app.example.org", None),
        ] {
            let made = Origin::asked(scheme, host).map(|origin| origin.to_string());
            assert_eq!(made.as_deref(), expected, "{scheme} {host}");
        }
    }
}
