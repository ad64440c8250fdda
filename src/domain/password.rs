//! Passwords in clear text.

use secrecy::{ExposeSecret, SecretString};

/// A password as the client sent it: it is never trimmed or normalized (OWASP ASVS 5.0.0,
/// 6.2.8). It is zeroed when it is dropped, and `Debug` hides it.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Why a text is not a valid password. The messages are for the user who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is empty.
    #[error("password missing")]
    Missing,
    /// It contains a NUL. bcrypt stops there: `secret\0x` would match `secret`.
    #[error("password has a NUL character in it")]
    Nul,
    /// It is longer than [`Password::MAX_BYTES`].
    #[error("password is longer than 1024 bytes")]
    TooLong,
}

impl Password {
    /// The longest password, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Parses a password: not empty, no NUL, at most 1024 bytes.
    ///
    /// # Errors
    /// [`PasswordError`] with the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.is_empty() {
            Err(PasswordError::Missing)
        } else if text.len() > Self::MAX_BYTES {
            Err(PasswordError::TooLong)
        } else if text.contains('\0') {
            Err(PasswordError::Nul)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The password, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Its length in characters (Unicode code points).
    #[must_use]
    pub fn characters(&self) -> usize {
        self.expose().chars().count()
    }
}
