//! Why a passkey is refused.

use crate::webauthn::VerifyError;

/// Why a passkey is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// What the authenticator sent is wrong.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The challenge was used before, has expired, or was for another purpose or client.
    #[error("it took too long, please try again")]
    NoChallenge,
    /// No account has this passkey.
    #[error("the passkey is unknown")]
    Unknown,
    /// An operator has disabled the account.
    #[error("the account is disabled")]
    Disabled,
    /// The signature counter did not go forward.
    #[error("the signature counter did not go forward")]
    Counter,
}

impl PasskeyRefusal {
    /// The reason in the log.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Verify(error) => error.reason(),
            Self::NoChallenge => "no_challenge",
            Self::Unknown => "unknown_passkey",
            Self::Disabled => "account_disabled",
            Self::Counter => "passkey_counter",
        }
    }
}
