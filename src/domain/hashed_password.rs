//! Stored passwords.

use std::fmt;

/// Prefixes of hashes by other programs, and the names of their algorithms.
const KINDS: [(&str, &str); 8] = [
    ("scrypt:", "scrypt"),
    ("$7$", "scrypt"),
    ("pbkdf2:", "pbkdf2"),
    ("pbkdf2_", "pbkdf2"),
    ("$pbkdf2", "pbkdf2"),
    ("$argon2", "argon2"),
    ("argon2", "argon2"),
    ("bcrypt_sha256$", "bcrypt_sha256"),
];

/// A password as it is stored: a bcrypt hash, or any text from an imported table.
///
/// Only `auth` reads it. `Debug` hides the hash and there is no `Display`, so that it cannot get
/// into a log or a response by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    /// The prefix of the bcrypt hash of a password that is too long for bcrypt and was hashed
    /// by HMAC-SHA-384 first.
    pub const PREHASHED: &'static str = "$bienvenue-1";

    /// A text from the database, unchecked. If it is not a hash, no password matches it.
    #[must_use]
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A value that no password matches, for an account without a password.
    #[must_use]
    pub fn unusable() -> Self {
        Self("!".to_owned())
    }

    /// The name of the algorithm if the hash cannot be checked. None for bcrypt, and for
    /// [`HashedPassword::unusable`].
    #[must_use]
    pub fn unknown_kind(&self) -> Option<&'static str> {
        let text = self.0.strip_prefix(Self::PREHASHED).unwrap_or(&self.0);
        if is_bcrypt(text) || *self == Self::unusable() {
            return None;
        }
        let kind = KINDS.iter().find(|(prefix, _)| text.starts_with(prefix));
        Some(kind.map_or("of another kind", |(_, kind)| kind))
    }

    /// The text, for the database and for verification.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(..)")
    }
}

/// Whether a text has the form of a bcrypt hash: `$2b$12$` and 53 characters of salt and hash.
fn is_bcrypt(text: &str) -> bool {
    let mut parts = text.splitn(4, '$');
    let (Some(""), Some(version), Some(cost), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    matches!(version, "2a" | "2b" | "2x" | "2y")
        && cost.len() == 2
        && cost.parse().is_ok_and(|cost: u32| (4..=31).contains(&cost))
        && rest.len() == 53
        && rest.bytes().all(is_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_algorithms_are_recognized() {
        let digest = "a".repeat(53);
        for known in [
            format!("$2b$12${digest}"),
            format!("$2a$10${digest}"),
            format!("$2y$10${digest}"),
            format!("$bienvenue-1$2b$12${digest}"),
            "!".to_owned(),
        ] {
            let stored = HashedPassword::from_stored(known.clone());
            assert_eq!(stored.unknown_kind(), None, "{known}");
        }
        for (text, kind) in [
            ("scrypt:32768:8:1$salt$00ff", "scrypt"),
            ("pbkdf2_sha256$1000000$salt$hash", "pbkdf2"),
            ("pbkdf2:sha256:600000$salt$hash", "pbkdf2"),
            ("$argon2id$v=19$m=65536,t=3,p=4$salt$hash", "argon2"),
            ("argon2$argon2id$v=19$m=1", "argon2"),
            ("a plain password", "of another kind"),
            ("", "of another kind"),
            ("$2b$99$short", "of another kind"),
        ] {
            let stored = HashedPassword::from_stored(text);
            assert_eq!(stored.unknown_kind(), Some(kind), "{text}");
        }
    }
}
