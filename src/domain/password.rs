use secrecy::{ExposeSecret, SecretString};

/// A password as it was sent: compared byte for byte, never trimmed or normalised
/// (OWASP ASVS 5.0.0, 6.2.8). Wiped from memory when dropped; `Debug` shows nothing.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Why a text is no password; the sentence is fit for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Empty.
    #[error("password missing")]
    Missing,
    /// bcrypt ends at a NUL: `secret\0x` would match `secret`.
    #[error("password has a NUL character in it")]
    Nul,
    /// Over [`Password::MAX_BYTES`].
    #[error("password is longer than 1024 bytes")]
    TooLong,
}

impl Password {
    /// The longest password, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes a password: not empty, no NUL, at most 1024 bytes.
    ///
    /// # Errors
    /// [`PasswordError`] says which rule it breaks.
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

    /// How long it is to a person: in Unicode code points.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.expose().chars().count()
    }
}
