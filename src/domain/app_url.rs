//! A URL of an application, as a browser asks for it.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use url::Url;

use super::Origin;

/// Characters that are encoded in a path that a client sent: all but printable ASCII, and the
/// backslash, which browsers read as a slash.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'#');

/// The longest path: proxies take answers with some 4 KiB of headers.
const PATH_MAX: usize = 2000;

/// An origin with a path and a query. Only the database knows whether an application is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUrl {
    origin: Origin,
    path: String,
}

impl AppUrl {
    /// Parses a URL as this service writes it: an origin as browsers write it, then nothing, or a
    /// path and a query of printable ASCII. None for every other text, also for another
    /// spelling of the same URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let origin = url.origin().ascii_serialization();
        let rest = text.strip_prefix(&origin)?;
        let path = if rest.is_empty() { "/" } else { rest };
        // The origin alone is a URL with a bare host: no user, no other scheme.
        let origin = Origin::of(&Url::parse(&origin).ok()?)?;
        is_path(path).then(|| Self {
            origin,
            path: path.to_owned(),
        })
    }

    /// The URL of a path as a proxy passes it on, in any bytes; of `/` where that is no path.
    #[must_use]
    pub fn asked(origin: Origin, path: &[u8]) -> Self {
        let path = percent_encode(path, ENCODED).to_string();
        let path = if is_path(&path) { path } else { "/".to_owned() };
        Self { origin, path }
    }

    /// Another path at this origin, if that is one.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Option<Self> {
        is_path(path).then(|| Self {
            origin: self.origin.clone(),
            path: path.to_owned(),
        })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, from the first slash on. It may begin with two: it is a path of its
    /// origin only behind that origin.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::fmt::Display for AppUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

/// Whether a text after an origin cannot change that origin.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#';
    text.starts_with('/') && text.len() <= PATH_MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn url_is_an_origin_and_a_path() {
        for (text, expected) in [
            ("https://app.example.org", "https://app.example.org/"),
            ("https://app.example.org/", "https://app.example.org/"),
            (
                "https://app.example.org:8443/a//b?c=d%2F&e=https://evil.example",
                "https://app.example.org:8443/a//b?c=d%2F&e=https://evil.example",
            ),
            (
                "https://app.example.org//evil.example",
                "https://app.example.org//evil.example",
            ),
        ] {
            assert_eq!(AppUrl::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn other_spellings_are_no_url() {
        for text in [
            "",
            "/",
            "//app.example.org/",
            "https:/app.example.org/",
            "https:app.example.org",
            "https:///app.example.org/",
            "https:\\\\app.example.org/",
            "https://app.example.org\\@evil.example/",
            "https://app.example.org/\\evil.example",
            "https://app.example.org@evil.example/",
            "https://me:pw@app.example.org/",
            "https://app.example.org:443/",
            "HTTPS://app.example.org/",
            "https://APP.example.org/",
            "https://app.example.org?x",
            "https://app.example.org/#x",
            "https://app.example.org/a b",
            "https://app.example.org/a\tb",
            "https://app.example.org/\u{e9}",
            "https://bücher.example/",
            "https://app%2eexample.org/",
            " https://app.example.org/",
            "https://app.example.org/\r\nLocation: https://evil.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "blob:https://app.example.org/1",
            "file:///etc/passwd",
        ] {
            assert_eq!(AppUrl::parse(text), None, "{text:?}");
        }
        let long = format!("https://app.example.org/{}", "a".repeat(PATH_MAX));
        assert_eq!(AppUrl::parse(&long), None);
    }

    #[test]
    fn path_of_a_proxy_is_encoded() {
        let origin = Origin::asked("https", "x.fr").unwrap();
        for (path, expected) in [
            (&b"/a?b=%2f"[..], "https://x.fr/a?b=%2f"),
            (b"/caf\xe9", "https://x.fr/caf%E9"),
            (b"/\\evil", "https://x.fr/%5Cevil"),
            (b"/a\r\nb", "https://x.fr/a%0D%0Ab"),
            (b"", "https://x.fr/"),
            (b"@evil.example/", "https://x.fr/"),
            (b".evil.example/", "https://x.fr/"),
            (b":8080/", "https://x.fr/"),
        ] {
            let url = AppUrl::asked(origin.clone(), path).to_string();
            assert_eq!(url, expected);
            assert_eq!(AppUrl::parse(&url).unwrap().to_string(), url);
        }
    }

    proptest! {
        /// A browser finds the same origin in it as the comparison with the applications.
        #[test]
        fn browser_stays_on_the_origin(text in r"(https?:)?[/\\]{0,3}[a-z@:.%\\\t]{0,12}(\PC|[/\\?#@:]){0,12}") {
            if let Some(url) = AppUrl::parse(&text) {
                let followed = Url::parse(&url.to_string()).unwrap();
                prop_assert_eq!(followed.origin().ascii_serialization(), url.origin().as_str());
            }
        }

        #[test]
        fn asked_path_stays_on_the_origin(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            let origin = Origin::asked("https", "x.fr").unwrap();
            let url = AppUrl::asked(origin, &path).to_string();
            let followed = Url::parse(&url).unwrap();
            prop_assert_eq!(followed.origin().ascii_serialization(), "https://x.fr");
        }
    }
}
