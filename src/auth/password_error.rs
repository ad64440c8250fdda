//! Why a password is refused, or cannot be hashed.

use bcrypt::BcryptError;

/// Why a new password is refused. The messages are for the user who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordPolicyError {
    /// It has fewer code points than the settings require.
    #[error("password is too short: it needs {minimum} characters or more")]
    TooShort {
        /// The required number of code points.
        minimum: usize,
    },
    /// It is one of the most common passwords.
    #[error("password is among the most common ones: please choose a less common one")]
    Common,
    /// It contains little more than the name of the service or the user's address.
    #[error(
        "password is little more than your email address or the name of this service: please add to it"
    )]
    Context,
}

impl PasswordPolicyError {
    /// The error code of the refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::Common => "password_too_common",
            Self::Context => "password_too_obvious",
        }
    }
}

/// Why a password could not be hashed: a defect, or no random numbers.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// bcrypt failed.
    #[error("bcrypt: {0}")]
    Bcrypt(#[from] BcryptError),
    /// HMAC refused its key. This cannot happen, because it accepts any length.
    #[error("HMAC refused its key")]
    Hmac,
    /// The operating system returned no random bytes for a salt.
    #[error("no salt: {0}")]
    Salt(#[from] getrandom::Error),
    /// The hashing thread panicked, or the service is shutting down.
    #[error("the hashing thread gave no answer")]
    NoAnswer,
}
