//! Secret tokens and their digests, with the purpose in the type.

use std::fmt;
use std::marker::PhantomData;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Origin;

/// The purpose of a token. Its label is part of the digest, so that a token of one purpose is
/// not valid for another, even with the same UUID.
pub trait Purpose: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Hashed in front of the token.
    const LABEL: &'static str;
    /// The name of the token's type, for `Debug`.
    const NAME: &'static str;
}

/// A token as its owner holds it: a random UUID (version 4, 122 bits from the operating
/// system), issued once and never stored. `Debug` hides it and there is no `Display`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<P>(Uuid, PhantomData<P>);

/// A token as the database holds it: SHA-256 of purpose and token. A reader of the database
/// can neither compute the token from it nor log in with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest<P>([u8; 32], PhantomData<P>);

/// The text is not a UUID in the form of this service: lower case, with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in lower case with hyphens")]
pub struct TokenError;

/// The purpose of session ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionPurpose {}

/// The purpose of password reset tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetPurpose {}

/// The purpose of tokens that prove access to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmailPurpose {}

/// The purpose of tokens that undo a change of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmailRevertPurpose {}

/// The purpose of device ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DevicePurpose {}

/// The purpose of the tokens of pending logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginPurpose {}

/// The purpose of the sessions on the hosts of applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppSessionPurpose {}

/// The purpose of hand-over codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandOverPurpose {}

/// The purpose of login states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginStatePurpose {}

/// The purpose of invitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvitationPurpose {}

impl Purpose for AppSessionPurpose {
    const LABEL: &'static str = "bienvenue/app-session/1";
    const NAME: &'static str = "AppSessionId";
}

impl Purpose for HandOverPurpose {
    const LABEL: &'static str = "bienvenue/hand-over/1";
    const NAME: &'static str = "HandOverCode";
}

impl Purpose for LoginStatePurpose {
    const LABEL: &'static str = "bienvenue/login-state/1";
    const NAME: &'static str = "LoginState";
}

impl Purpose for InvitationPurpose {
    const LABEL: &'static str = "bienvenue/invitation/1";
    const NAME: &'static str = "InvitationToken";
}

impl Purpose for SessionPurpose {
    const LABEL: &'static str = "bienvenue/session/1";
    const NAME: &'static str = "SessionId";
}

impl Purpose for ResetPurpose {
    const LABEL: &'static str = "bienvenue/reset/1";
    const NAME: &'static str = "ResetToken";
}

impl Purpose for EmailPurpose {
    const LABEL: &'static str = "bienvenue/email/1";
    const NAME: &'static str = "EmailToken";
}

impl Purpose for EmailRevertPurpose {
    const LABEL: &'static str = "bienvenue/undo/1";
    const NAME: &'static str = "EmailRevertToken";
}

impl Purpose for DevicePurpose {
    const LABEL: &'static str = "bienvenue/device/1";
    const NAME: &'static str = "DeviceId";
}

impl Purpose for LoginPurpose {
    const LABEL: &'static str = "bienvenue/login/1";
    const NAME: &'static str = "LoginToken";
}

/// The value of the session cookie.
pub type SessionId = Token<SessionPurpose>;
/// A [`SessionId`] as it is stored.
pub type SessionDigest = TokenDigest<SessionPurpose>;
/// A token that allows to set a new password without the old one.
pub type ResetToken = Token<ResetPurpose>;
/// A [`ResetToken`] as it is stored.
pub type ResetTokenDigest = TokenDigest<ResetPurpose>;

/// A token that proves access to the mailbox to which it was sent.
pub type EmailToken = Token<EmailPurpose>;
/// An [`EmailToken`] as it is stored.
pub type EmailTokenDigest = TokenDigest<EmailPurpose>;
/// A token that undoes a change of address.
pub type EmailRevertToken = Token<EmailRevertPurpose>;
/// An [`EmailRevertToken`] as it is stored.
pub type EmailRevertTokenDigest = TokenDigest<EmailRevertPurpose>;

/// The value of the session cookie on the host of an application.
pub type AppSessionId = Token<AppSessionPurpose>;
/// An [`AppSessionId`] as it is stored, with the origin of its host.
pub type AppSessionDigest = TokenDigest<AppSessionPurpose>;
/// The code that transfers a login to the host of an application, once.
pub type HandOverCode = Token<HandOverPurpose>;
/// A [`HandOverCode`] as it is stored, with the origin of its host.
pub type HandOverDigest = TokenDigest<HandOverPurpose>;
/// The value of a browser's cookie on the host of an application, until the login is done.
pub type LoginState = Token<LoginStatePurpose>;
/// A [`LoginState`] as it goes through the login.
pub type LoginStateDigest = TokenDigest<LoginStatePurpose>;
/// The token of an invitation.
pub type InvitationToken = Token<InvitationPurpose>;
/// An [`InvitationToken`] as it is stored.
pub type InvitationDigest = TokenDigest<InvitationPurpose>;

/// The value of the device cookie, which shows that a user has logged in on this device.
pub type DeviceId = Token<DevicePurpose>;

/// The value of the login cookie: the password was right, and a second factor is required.
pub type LoginToken = Token<LoginPurpose>;
/// A [`LoginToken`] as it is stored.
pub type LoginTokenDigest = TokenDigest<LoginPurpose>;

impl<P: Purpose> Token<P> {
    /// Generates a token by the operating system's random source.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4(), PhantomData)
    }

    /// Parses a token, exactly as it was issued.
    ///
    /// # Errors
    /// [`TokenError`] for any other text, also for other spellings of a UUID.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let uuid = Uuid::try_parse(text).or(Err(TokenError))?;
        let mut buffer = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut buffer) == text {
            Ok(Self(uuid, PhantomData))
        } else {
            Err(TokenError)
        }
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest<P> {
        self.digest_with("")
    }

    /// The digest of a token that is valid on one host only: with another origin, the digest
    /// differs.
    #[must_use]
    pub fn digest_at(&self, origin: &Origin) -> TokenDigest<P> {
        self.digest_with(origin.as_str())
    }

    fn digest_with(&self, place: &str) -> TokenDigest<P> {
        let mut buffer = Uuid::encode_buffer();
        let text = self.0.hyphenated().encode_lower(&mut buffer);
        let hash = Sha256::new()
            .chain_update(P::LABEL)
            .chain_update(place)
            .chain_update(text)
            .finalize();
        TokenDigest(hash.into(), PhantomData)
    }

    /// The token in clear text, for its owner.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.hyphenated().to_string()
    }
}

impl<P: Purpose> fmt::Debug for Token<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(..)", P::NAME)
    }
}

impl<P: Purpose> TokenDigest<P> {
    /// A digest from a column that holds it in hex; none if the text is not a digest.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?, PhantomData))
    }

    /// A digest from a column that holds its bytes; none if it has not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?, PhantomData))
    }

    /// The first eight hex digits: enough to follow a session in the log, too few to be the digest.
    #[must_use]
    pub fn prefix(&self) -> String {
        let mut digits = self.to_hex();
        digits.truncate(8);
        digits
    }

    /// The digest in hex, 64 characters.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The digest's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<P: Purpose> fmt::Debug for TokenDigest<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Digest({}..)", P::NAME, self.prefix())
    }
}
