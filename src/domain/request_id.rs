//! Request ids.

use std::fmt;
use std::str::FromStr;

/// The id of a request, which its log lines and its response contain.
///
/// Clients and proxies may send one. It is accepted if it is short and plain, and nothing is
/// decided by it, because any client can send any id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

/// The text is not a valid request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request id has 1 to {} letters, digits, dots, hyphens and underscores",
    RequestId::MAX
)]
pub struct RequestIdError;

impl RequestId {
    /// The longest id that is accepted, in characters.
    pub const MAX: usize = 64;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RequestIdError)
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_ids_are_accepted() {
        let longest = "x".repeat(64);
        for text in ["a", "0", "6f1c-2_a.B", &longest] {
            assert_eq!(text.parse::<RequestId>().unwrap().as_str(), text);
        }
        let too_long = "x".repeat(65);
        for text in [
            "",
            " a",
            "a b",
            "a\nb",
            "a\u{1b}[31m",
            "é",
            "a;b",
            "a=b",
            &too_long,
        ] {
            assert_eq!(text.parse::<RequestId>(), Err(RequestIdError), "{text:?}");
        }
    }
}
