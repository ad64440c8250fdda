//! Stored passwords.

use std::fmt;

use super::{ForeignHash, ForeignHashError, WeakScheme};

/// The prefix of a weak hash that was wrapped in bcrypt: `$bienvenue-wrapped$SCHEME$SALT$2b$...`.
const WRAPPED: &str = "$bienvenue-wrapped$";
/// Django's prefix of bcrypt over the hexadecimal SHA-256 of the password.
const DJANGO_SHA256: &str = "bcrypt_sha256$";

/// What bcrypt hashes instead of the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prehash {
    /// The password itself.
    None,
    /// HMAC-SHA-384 of the password, in base64: this service's own form of long passwords.
    Hmac,
    /// SHA-256 of the password, in hexadecimal digits.
    Sha256,
    /// A weak hash of the password, under the HMAC.
    Weak {
        /// How it is computed.
        scheme: WeakScheme,
        /// Its salt.
        salt: String,
    },
}

/// A password as it is stored: a bcrypt hash, a foreign hash, or any text from an imported table.
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

    /// A weak hash that was wrapped in bcrypt.
    #[must_use]
    pub fn wrapped(scheme: WeakScheme, salt: &str, bcrypt: &str) -> Self {
        Self(format!("{WRAPPED}{scheme}${salt}{bcrypt}"))
    }

    /// The bcrypt hash in this text, and what it hashes. None if there is no bcrypt hash.
    #[must_use]
    pub fn bcrypt(&self) -> Option<(Prehash, &str)> {
        let text = self.0.as_str();
        let (prehash, bcrypt) = if let Some(bcrypt) = text.strip_prefix(Self::PREHASHED) {
            (Prehash::Hmac, bcrypt)
        } else if let Some(bcrypt) = text.strip_prefix(DJANGO_SHA256) {
            (Prehash::Sha256, bcrypt)
        } else if let Some(wrapped) = text.strip_prefix(WRAPPED) {
            let (scheme, rest) = wrapped.split_once('$')?;
            let (salt, bcrypt) = rest.split_at_checked(rest.find('$')?)?;
            let salt = salt.to_owned();
            let scheme = scheme.parse().ok()?;
            (Prehash::Weak { scheme, salt }, bcrypt)
        } else {
            (Prehash::None, text)
        };
        is_bcrypt(bcrypt).then_some((prehash, bcrypt))
    }

    /// The hash of another system in this text. None for a bcrypt hash, and for a text that is
    /// not a hash.
    ///
    /// # Errors
    /// [`ForeignHashError`] if it is a hash that this service does not check.
    pub fn foreign(&self) -> Result<Option<ForeignHash>, ForeignHashError> {
        if self.bcrypt().is_some() || *self == Self::unusable() {
            return Ok(None);
        }
        ForeignHash::parse(&self.0).map(Some)
    }

    /// The name of the algorithm if the hash cannot be checked. None for one that can, and for
    /// [`HashedPassword::unusable`].
    #[must_use]
    pub fn unknown_kind(&self) -> Option<&'static str> {
        match self.foreign() {
            Ok(_) => None,
            Err(ForeignHashError::UnknownKind) => Some("of another kind"),
            Err(
                ForeignHashError::Malformed(kind) | ForeignHashError::TooCostly { kind, limit: _ },
            ) => Some(kind),
        }
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
            format!("$bienvenue-wrapped$apr1$salt$2b$12${digest}"),
            format!("bcrypt_sha256$$2b$12${digest}"),
            format!("scrypt:32768:8:1$salt${}", "0f".repeat(64)),
            "!".to_owned(),
        ] {
            let stored = HashedPassword::from_stored(known.clone());
            assert_eq!(stored.unknown_kind(), None, "{known}");
        }
        for (text, kind) in [
            ("scrypt:32768:8:1$salt$00ff", "scrypt"),
            ("pbkdf2_sha256$1000000$salt$hash", "pbkdf2"),
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
