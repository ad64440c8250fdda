//! A path of this service, such as the one to which a login returns.

use std::fmt;

use url::Url;

/// A path with its query that stays on the host of the redirect. It is stored as browsers
/// normalise it: ASCII, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

/// The longest path, in bytes.
const LENGTH_MAX: usize = 2000;

/// A host for resolving paths.
const BASE: &str = "https://host.invalid";

/// How many layers of percent-encoding are decoded.
const LAYERS: usize = 8;

impl LocalPath {
    /// Parses a text that an attacker may have written; none for every text that could lead to
    /// another host, also after software in between has decoded it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LENGTH_MAX || !is_local(text.as_bytes()) {
            return None;
        }
        let base = Url::parse(BASE).ok()?;
        let url = base.join(text).ok()?;
        let path = url.as_str().strip_prefix(BASE)?;
        let is_kept = is_local(path.as_bytes()) && decodes_to_local(url.path());
        (is_kept && path.len() <= LENGTH_MAX).then(|| Self(path.to_owned()))
    }

    /// The path with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Browsers read `//host` and `/\host` as another host, and ignore tabs and line breaks.
fn is_local(path: &[u8]) -> bool {
    let mut bytes = path.iter();
    bytes.next() == Some(&b'/')
        && bytes.next() != Some(&b'/')
        && !path
            .iter()
            .any(|byte| *byte == b'\\' || byte.is_ascii_control())
}

/// Whether the path stays local however often it is decoded. A path with more layers than are
/// decoded does not.
fn decodes_to_local(path: &str) -> bool {
    let mut layer = path.as_bytes().to_vec();
    for _ in 0..LAYERS {
        let decoded: Vec<u8> = percent_encoding::percent_decode(&layer).collect();
        if !is_local(&decoded) {
            return false;
        }
        if decoded == layer {
            return true;
        }
        layer = decoded;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_of_the_same_host_is_kept() {
        for (text, kept) in [
            ("/", "/"),
            ("/account", "/account"),
            ("/a/b?c=d&e=f#g", "/a/b?c=d&e=f#g"),
            ("/a b", "/a%20b"),
            ("/é", "/%C3%A9"),
            ("/a/../b/./c", "/b/c"),
            ("/a//b", "/a//b"),
            (
                "/a?u=https%3A%2F%2Fx.example%2F",
                "/a?u=https%3A%2F%2Fx.example%2F",
            ),
            ("/a?b=//c", "/a?b=//c"),
            ("/@evil.example", "/@evil.example"),
            ("/%41", "/%41"),
        ] {
            let path = LocalPath::parse(text);
            assert_eq!(path.as_ref().map(LocalPath::as_str), Some(kept), "{text}");
        }
    }

    #[test]
    fn r98_text_that_could_lead_away_is_refused() {
        for text in [
            "",
            "account",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/./",
            "/a\\b",
            "/a\u{0}b",
            "/a\u{7f}b",
            "/..//evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%2F/evil.example",
            "/%2fevil.example",
            "/%252fevil.example",
            "/%5cevil.example",
            "/%255Cevil.example",
            "/%25%35%43evil.example",
            "/%09/evil.example",
            "/%0d%0aLocation:%20https://evil.example",
            "/a%00",
            "https://evil.example/",
            "HTTPS:evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "@evil.example",
            "user:pw@evil.example",
            "?next=/",
            "#x",
            "／／evil.example",
            "/%25252525252525252541",
        ] {
            let path = LocalPath::parse(text);
            if text == "/./" {
                assert_eq!(path.unwrap().as_str(), "/");
            } else {
                assert_eq!(path, None, "{text:?}");
            }
        }
        let longest = format!("/{}", "a".repeat(LENGTH_MAX - 1));
        assert!(LocalPath::parse(&longest).is_some());
        assert!(LocalPath::parse(&format!("{longest}a")).is_none());
        // Each letter becomes six bytes.
        assert!(LocalPath::parse(&format!("/{}", "é".repeat(500))).is_none());
    }

    proptest! {
        #[test]
        fn r98_accepted_text_stays_at_any_host(text in "[/\\\\%.@:a-c?#0-9A-F \t\r\n\u{0}é／]{0,24}") {
            crate::domain::fuzzing::local_path(text.as_bytes());
        }

        #[test]
        fn r98_accepted_text_of_any_kind_stays(text in "/?.{0,40}") {
            crate::domain::fuzzing::local_path(text.as_bytes());
        }
    }
}
