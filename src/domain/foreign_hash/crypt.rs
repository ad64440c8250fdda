//! sha-crypt of the C library: `$6$rounds=50000$SALT$DIGEST`, and `$5$`.

use super::{ForeignHash, ForeignHashError, Kdf, ShaCryptVariant};

/// The rounds of a text that does not say them.
const DEFAULT_ROUNDS: u32 = 5000;

/// Parses a text that begins with `$5$` or `$6$`. Authelia writes `{CRYPT}` in front.
pub(super) fn parse(text: &str) -> Option<Result<ForeignHash, ForeignHashError>> {
    let text = text.strip_prefix("{CRYPT}").unwrap_or(text);
    let (variant, rest, length) = match (text.strip_prefix("$5$"), text.strip_prefix("$6$")) {
        (Some(rest), _) => (ShaCryptVariant::Sha256, rest, 43),
        (None, Some(rest)) => (ShaCryptVariant::Sha512, rest, 86),
        (None, None) => return None,
    };
    let parts: Vec<&str> = rest.split('$').collect();
    let (rounds, salt, digest) = match parts[..] {
        [salt, digest] => (Some(DEFAULT_ROUNDS), salt, digest),
        [rounds, salt, digest] => {
            let rounds = rounds.strip_prefix("rounds=");
            (rounds.and_then(|rounds| rounds.parse().ok()), salt, digest)
        }
        _ => (None, "", ""),
    };
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    Some(match rounds {
        Some(rounds) if digest.len() == length && digest.bytes().all(is_base64) => {
            let kdf = Kdf::ShaCrypt { variant, rounds };
            ForeignHash::new(kdf, salt.into(), digest.into())
        }
        Some(_) | None => Err(ForeignHashError::Malformed("sha-crypt")),
    })
}
