//! Passkeys: their names, the challenges that authenticators sign, and what is stored of them.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Timestamp, UserId};

/// The bytes of a challenge and of a user handle.
const LENGTH: usize = 32;

/// The number of a passkey, for its owner's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PasskeyId(i64);

/// The name that an owner gives a passkey: 1 to 64 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(String);

/// The text is no name of a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a passkey has 1 to 64 characters, and no control characters")]
pub struct PasskeyNameError;

/// Random bytes that an authenticator signs: 256 bits from the operating system, good once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasskeyChallenge([u8; LENGTH]);

/// A challenge as it is stored: SHA-256 of purpose and challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeDigest([u8; LENGTH]);

/// What authenticators know a user by: random bytes that say nothing about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; LENGTH]);

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// Adding a passkey.
    Registration,
    /// A login by passkey alone.
    Login,
    /// A login whose password was right.
    SecondFactor,
    /// An act of an administrator.
    Act,
}

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyInfo {
    /// The number.
    pub id: PasskeyId,
    /// The name.
    pub name: PasskeyName,
    /// The host that it is for.
    pub rp_id: String,
    /// Whether there is a copy of it, on another device or at a provider.
    pub backed_up: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// The last login with it.
    pub last_used_at: Option<Timestamp>,
}

/// A passkey as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    /// The number.
    pub id: PasskeyId,
    /// The user that it belongs to.
    pub user_id: UserId,
    /// The host that it is for.
    pub rp_id: String,
    /// The id that the authenticator gave it.
    pub credential_id: Vec<u8>,
    /// What the authenticator knows the user by.
    pub user_handle: UserHandle,
    /// The public key, as COSE has it.
    pub public_key: Vec<u8>,
    /// The signature counter of the last login.
    pub sign_count: u32,
    /// Whether it may be copied.
    pub backup_eligible: bool,
    /// How browsers can reach the authenticator.
    pub transports: Vec<String>,
}

impl PasskeyId {
    /// A number out of the database, or as a client sends it.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl PasskeyName {
    /// The longest name, in characters.
    const MAX: usize = 64;

    /// Takes a name. White space around it does not count.
    ///
    /// # Errors
    /// [`PasskeyNameError`].
    pub fn parse(text: &str) -> Result<Self, PasskeyNameError> {
        let name = text.trim();
        let fits = (1..=Self::MAX).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(PasskeyNameError);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as it was stored.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PasskeyChallenge {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`getrandom::Error`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A challenge that a client sends back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the client.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The digest, which is stored.
    #[must_use]
    pub fn digest(&self) -> ChallengeDigest {
        let hash = Sha256::new()
            .chain_update("bienvenue/passkey-challenge/1")
            .chain_update(self.0)
            .finalize();
        ChallengeDigest(hash.into())
    }
}

impl fmt::Debug for PasskeyChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasskeyChallenge(..)")
    }
}

impl ChallengeDigest {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl UserHandle {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`getrandom::Error`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        PasskeyChallenge::generate().map(|random| Self(random.0))
    }

    /// A handle out of the database; none if it has not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ChallengePurpose {
    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Registration => 1,
            Self::Login => 2,
            Self::SecondFactor => 3,
            Self::Act => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_passkey_is_short_and_printable() {
        let long = "é".repeat(64);
        for (text, name) in [
            (" phone ", Some("phone")),
            (long.as_str(), Some(long.as_str())),
            ("", None),
            ("  ", None),
            ("a\nb", None),
        ] {
            let parsed = PasskeyName::parse(text).ok();
            assert_eq!(parsed.as_ref().map(PasskeyName::as_str), name, "{text:?}");
        }
        assert!(PasskeyName::parse(&"x".repeat(65)).is_err());
    }

    #[test]
    fn challenges_differ_and_are_stored_as_digests() {
        let (one, other) = (PasskeyChallenge::generate(), PasskeyChallenge::generate());
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one, other);
        assert_ne!(one.digest().as_bytes(), one.as_bytes());
        assert_eq!(
            PasskeyChallenge::from_bytes(*one.as_bytes()).digest(),
            one.digest()
        );
    }
}
