use std::fmt;
use std::str::FromStr;

/// The number of a request, which its lines in the log and its answer carry.
///
/// Clients and proxies may bring one along. It is taken if it is short and plain, and
/// nothing is decided by it: anybody can send any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

/// The text is no number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request id is 1 to {} letters, digits, dots, hyphens and underscores",
    RequestId::MAX
)]
pub struct RequestIdError;

impl RequestId {
    /// The longest that is taken, in characters.
    pub const MAX: usize = 64;

    /// The number as text.
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
    fn short_and_plain_ones_are_taken_and_no_others() {
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
