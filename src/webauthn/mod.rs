//! Verifies passkeys: the relying party's part of Web Authentication Level 3 (W3C).
//!
//! Pure computation over bytes that anybody may send: no database, no clock, no network. The
//! caller looks up the challenge and the public key, and compares the signature counter.
//!
//! Attestation statements are not looked at: the service asks for none, and trusts no maker of
//! authenticators more than another.

mod authenticator_data;
mod cbor;
mod client_data;
mod credential;
#[doc(hidden)]
pub mod fuzzing;
mod options;
mod public_key;
mod relying_party;
mod verify;

pub use credential::{AssertionCredential, RegistrationCredential};
pub use options::{CreationOptions, Descriptor, NewUser, RequestOptions};
pub use public_key::PublicKey;
pub use relying_party::RelyingParty;
pub use verify::{Assertion, NewCredential};

/// The bytes of a challenge.
pub const CHALLENGE_LENGTH: usize = 32;

/// The longest id of a credential, in bytes (section 5.8.3).
pub const CREDENTIAL_ID_MAX: usize = 1023;

/// Whether the authenticator has to verify its user, by a PIN or a finger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// It has to.
    Required,
    /// It may.
    Preferred,
}

/// Why an answer of an authenticator is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is no JSON of a credential, or a part of it is too long.
    #[error("the credential is malformed")]
    Credential,
    /// The client data is malformed.
    #[error("the client data is malformed")]
    ClientData,
    /// It was made for a registration instead of a login, or the other way round.
    #[error("the credential was made for another purpose")]
    Type,
    /// It was made on a page of another origin, or in a frame of one.
    #[error("the credential was made for another origin")]
    Origin,
    /// The authenticator data, or what is in it, is malformed.
    #[error("the authenticator data is malformed")]
    AuthenticatorData,
    /// It was made for another relying party.
    #[error("the credential was made for another relying party")]
    RelyingParty,
    /// No user was present.
    #[error("no user was present")]
    UserPresence,
    /// The authenticator has not verified the user.
    #[error("the user was not verified")]
    UserVerification,
    /// The backup flags contradict each other, or those of the registration.
    #[error("the backup flags are inconsistent")]
    BackupState,
    /// The public key is malformed, of an algorithm that is not allowed, or no point of its curve.
    #[error("the public key is not one of ES256, EdDSA or RS256")]
    PublicKey,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
}

impl VerifyError {
    /// The reason in the log.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Credential => "malformed_credential",
            Self::ClientData => "malformed_client_data",
            Self::Type => "wrong_type",
            Self::Origin => "wrong_origin",
            Self::AuthenticatorData => "malformed_authenticator_data",
            Self::RelyingParty => "wrong_rp_id",
            Self::UserPresence => "user_not_present",
            Self::UserVerification => "user_not_verified",
            Self::BackupState => "backup_flags",
            Self::PublicKey => "public_key",
            Self::Signature => "wrong_signature",
        }
    }
}
