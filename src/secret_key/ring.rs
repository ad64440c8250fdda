//! Authenticated encryption of secrets: ChaCha20-Poly1305 (RFC 8439) with random nonces.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::UserId;

/// The bytes of a key.
const KEY_LENGTH: usize = 32;

/// The bytes of a key's name.
const ID_LENGTH: usize = 4;

/// How sealed texts begin: the version of their form.
const VERSION: u8 = 1;

/// The purpose of a sealed text. A text that was moved to another place does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The secret of a user's authenticator app.
    Totp(UserId),
    /// The text by which a start recognises the key.
    Check,
}

/// The name of a key: the beginning of a digest of it. It reveals nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; ID_LENGTH]);

/// Keys. The first one encrypts.
#[derive(Debug)]
pub struct KeyRing {
    first: Key,
    others: Vec<Key>,
}

struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
    cipher: LessSafeKey,
}

/// The reason why a text holds no keys, or no key can be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// A line that is no key.
    #[error("line {0} is no key: a key is 64 hexadecimal digits, as `openssl rand -hex 32` prints")]
    Line(usize),
    /// No line with a key.
    #[error("there is no key: a key is 64 hexadecimal digits, as `openssl rand -hex 32` prints")]
    Empty,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The cipher refused: a defect.
    #[error("the cipher refused to encrypt")]
    Cipher,
}

/// Why a sealed text does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// It was sealed under a key that is not among these.
    #[error("it was encrypted under the key {0}, which is not in the file of secret keys")]
    UnknownKey(KeyId),
    /// It was changed, or belongs to another user or purpose.
    #[error("the encrypted secret is damaged, or belongs elsewhere")]
    Damaged,
}

impl Key {
    fn new(bytes: Zeroizing<[u8; KEY_LENGTH]>) -> Option<Self> {
        let hash = Sha256::new()
            .chain_update("bienvenue/key-id/1")
            .chain_update(bytes.as_ref())
            .finalize();
        let id = KeyId(hash.get(..ID_LENGTH)?.try_into().ok()?);
        let cipher = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref()).ok()?;
        Some(Self {
            id,
            bytes,
            cipher: LessSafeKey::new(cipher),
        })
    }

    fn generate() -> Result<Self, KeyRingError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::fill(bytes.as_mut())?;
        Self::new(bytes).ok_or(KeyRingError::Cipher)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).ok()?);
        Self::new(Zeroizing::new(bytes.as_slice().try_into().ok()?))
    }
}

impl KeyRing {
    /// Makes a ring of one new key.
    ///
    /// # Errors
    /// [`KeyRingError::Random`].
    pub fn generate() -> Result<Self, KeyRingError> {
        Ok(Self {
            first: Key::generate()?,
            others: Vec::new(),
        })
    }

    /// Reads keys, one a line. Empty lines, and lines that begin with `#`, do not count.
    ///
    /// # Errors
    /// [`KeyRingError`] names the line that is no key.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let lines = text.lines().enumerate();
        let lines = lines.map(|(number, line)| (number + 1, line.trim()));
        let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut keys =
            keys.map(|(number, line)| Key::parse(line).ok_or(KeyRingError::Line(number)));
        let first = keys.next().ok_or(KeyRingError::Empty)??;
        let others = keys.collect::<Result<_, _>>()?;
        Ok(Self { first, others })
    }

    /// The keys as [`KeyRing::parse`] reads them.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let keys = [&self.first].into_iter().chain(&self.others);
        let mut text = Zeroizing::new(String::new());
        for key in keys {
            let line = Zeroizing::new(HEXLOWER.encode(key.bytes.as_ref()));
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// A new key in front of these.
    ///
    /// # Errors
    /// [`KeyRingError::Random`].
    pub fn with_new_key(self) -> Result<Self, KeyRingError> {
        let mut others = vec![self.first];
        others.extend(self.others);
        Ok(Self {
            first: Key::generate()?,
            others,
        })
    }

    /// The first key alone.
    #[must_use]
    pub fn first_only(self) -> Self {
        Self {
            others: Vec::new(),
            ..self
        }
    }

    /// The name of the key that encrypts.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.first.id
    }

    /// Encrypts a text, for that purpose alone.
    ///
    /// # Errors
    /// [`KeyRingError::Random`], and [`KeyRingError::Cipher`] for a text of gigabytes.
    pub fn seal(&self, purpose: Purpose, text: &[u8]) -> Result<Vec<u8>, KeyRingError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.first.id.0);
        sealed.extend_from_slice(&nonce);
        let mut encrypted = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(purpose.label());
        self.first
            .cipher
            .seal_in_place_append_tag(nonce, aad, &mut encrypted)
            .or(Err(KeyRingError::Cipher))?;
        sealed.extend_from_slice(&encrypted);
        Ok(sealed)
    }

    /// Decrypts a text that was sealed for that purpose.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn unseal(
        &self,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (id, rest) = split_id(sealed).ok_or(UnsealError::Damaged)?;
        let mut keys = [&self.first].into_iter().chain(&self.others);
        let key = keys.find(|key| key.id == id);
        let key = key.ok_or(UnsealError::UnknownKey(id))?;
        let (nonce, encrypted) = rest
            .split_at_checked(NONCE_LEN)
            .ok_or(UnsealError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).or(Err(UnsealError::Damaged))?;
        let mut text = Zeroizing::new(encrypted.to_vec());
        let aad = Aad::from(purpose.label());
        let opened = key.cipher.open_in_place(nonce, aad, &mut text);
        let length = opened.or(Err(UnsealError::Damaged))?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Whether a sealed text is under the key that encrypts.
    #[must_use]
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        split_id(sealed).is_some_and(|(id, _)| id == self.first.id)
    }
}

/// The key's name in a sealed text, and what follows it.
fn split_id(sealed: &[u8]) -> Option<(KeyId, &[u8])> {
    let (version, rest) = sealed.split_first()?;
    let (id, rest) = rest.split_at_checked(ID_LENGTH)?;
    let id = KeyId(id.try_into().ok()?);
    (*version == VERSION).then_some((id, rest))
}

impl Purpose {
    /// The data that is authenticated with the text.
    fn label(self) -> String {
        match self {
            Self::Totp(user_id) => format!("bienvenue/totp/1/{user_id}"),
            Self::Check => "bienvenue/key-check/1".to_owned(),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ANN: Purpose = Purpose::Totp(UserId::new(1));

    #[test]
    fn sealed_text_opens_for_its_user_and_purpose_alone() {
        let ring = KeyRing::generate().unwrap();
        let sealed = ring.seal(OF_ANN, b"secret").unwrap();
        assert_eq!(ring.unseal(OF_ANN, &sealed).unwrap().as_slice(), b"secret");
        for other in [Purpose::Totp(UserId::new(2)), Purpose::Check] {
            assert_eq!(ring.unseal(other, &sealed), Err(UnsealError::Damaged));
        }
    }

    #[test]
    fn changed_text_does_not_open() {
        let ring = KeyRing::generate().unwrap();
        let sealed = ring.seal(OF_ANN, b"secret").unwrap();
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert!(ring.unseal(OF_ANN, &changed).is_err(), "byte {byte}");
            assert!(
                ring.unseal(OF_ANN, &sealed[..byte]).is_err(),
                "cut at {byte}"
            );
        }
    }

    #[test]
    fn same_text_is_sealed_differently_each_time() {
        let ring = KeyRing::generate().unwrap();
        let seal = || ring.seal(OF_ANN, b"secret").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn other_key_is_named() {
        let (ring, other) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
        let sealed = ring.seal(OF_ANN, b"secret").unwrap();
        let unknown = Err(UnsealError::UnknownKey(ring.id()));
        assert_eq!(other.unseal(OF_ANN, &sealed), unknown);
    }

    #[test]
    fn new_key_encrypts_and_the_old_one_still_decrypts() {
        let old = KeyRing::generate().unwrap();
        let (id, sealed) = (old.id(), old.seal(OF_ANN, b"secret").unwrap());
        let both = old.with_new_key().unwrap();
        assert_ne!(both.id(), id);
        assert!(!both.is_newest(&sealed));
        assert_eq!(both.unseal(OF_ANN, &sealed).unwrap().as_slice(), b"secret");
        let again = both.seal(OF_ANN, b"secret").unwrap();
        assert!(both.is_newest(&again));
        let new = both.first_only();
        assert!(new.unseal(OF_ANN, &again).is_ok());
        assert_eq!(
            new.unseal(OF_ANN, &sealed),
            Err(UnsealError::UnknownKey(id))
        );
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let ring = KeyRing::generate().unwrap().with_new_key().unwrap();
        let text = format!("# of the login service\n\n {}", *ring.expose());
        let read = KeyRing::parse(&text).unwrap();
        assert_eq!(*read.expose(), *ring.expose());
        assert_eq!(read.expose().lines().count(), 2);
        let upper = ring.expose().to_ascii_uppercase();
        assert_eq!(KeyRing::parse(&upper).unwrap().id(), ring.id());
    }

    #[test]
    fn texts_without_keys_are_refused_by_line() {
        for (text, told) in [
            ("", "there is no key"),
            ("# none\n", "there is no key"),
            ("\n\nab", "line 3 is no key"),
            ("zz", "line 1 is no key"),
        ] {
            let error = KeyRing::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
