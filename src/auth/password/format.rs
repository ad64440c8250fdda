//! How a password is stored, and how one is checked against what is stored.
//!
//! Up to 71 bytes: standard bcrypt, `$2b$12$...`, as any library reads it. Longer ones
//! would be cut at 72 bytes in silence, so they are hashed down first, and the stored text
//! says so by a tag in front: `$bienvenue-1$2b$12$...` is
//! bcrypt(base64(HMAC-SHA-384("bienvenue/password/1", password))). The tag alone decides how
//! to verify: a digest that is typed as a password is just another password.

use std::str::FromStr;

use base64::Engine;
use bcrypt::{BASE_64, BcryptError, HashParts};
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;
use zeroize::Zeroizing;

use crate::auth::HashJob;
use crate::auth::hasher::compute;
use crate::bcrypt_lanes::{Digest, Input};
use crate::domain::{BcryptCost, HashedPassword, Password};

/// What bcrypt reads of a password besides the NUL that ends it.
const BCRYPT_BYTES: usize = 71;
const TAG: &str = HashedPassword::PREHASHED;
const PREHASH_KEY: &[u8] = b"bienvenue/password/1";

/// A password could not be hashed: a defect, or a system without randomness.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// What bcrypt says.
    #[error("bcrypt: {0}")]
    Bcrypt(#[from] BcryptError),
    /// HMAC took no key, which it does of any length.
    #[error("HMAC refused its key")]
    Hmac,
    /// The system has no randomness for a salt.
    #[error("no salt: {0}")]
    Salt(#[from] getrandom::Error),
    /// The hashing thread gave no answer: it panicked, or the service ends.
    #[error("the hashing thread gave no answer")]
    NoAnswer,
}

/// The document's `_hash_password`: a salted bcrypt hash, fit for storing. Blocks for as
/// long as the cost asks, a quarter of a second of a core at 12.
///
/// # Errors
/// [`HashError`] if the system gives no random salt.
pub fn hash_password(password: &Password, cost: BcryptCost) -> Result<HashedPassword, HashError> {
    compute(HashJob::new(password.clone(), cost)?)
}

/// How a bcrypt was or will be made of a password.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct HashParams {
    pub(in crate::auth) cost: u32,
    salt: [u8; 16],
    tagged: bool,
}

impl HashParams {
    /// With a random salt, the way that loses nothing of the password.
    pub(in crate::auth) fn of_new(
        password: &Password,
        cost: BcryptCost,
    ) -> Result<Self, HashError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        Ok(Self {
            cost: cost.get(),
            salt,
            tagged: password.expose().len() > BCRYPT_BYTES,
        })
    }

    /// For nothing but the time it takes.
    pub(in crate::auth) fn to_spend(cost: u32) -> Self {
        Self {
            cost,
            salt: [0; 16],
            tagged: false,
        }
    }

    /// What is to be computed for a password.
    ///
    /// Untagged, only the first 72 bytes of it count: an adopted hash was made that way. One
    /// of our own has its closing NUL within them, which no password contains.
    pub(in crate::auth) fn input(&self, password: &Password) -> Result<Input, HashError> {
        let prehashed = self.tagged.then(|| prehash(password)).transpose()?;
        let password = prehashed.as_ref().map_or(password.expose(), |text| text);
        Input::new(password.as_bytes(), self.salt, self.cost)
            .ok_or(BcryptError::CostNotAllowed(self.cost).into())
    }

    /// What is stored of it.
    pub(in crate::auth) fn stored(&self, digest: &Digest) -> Result<HashedPassword, HashError> {
        let (salt, digest) = (BASE_64.encode(self.salt), BASE_64.encode(digest.as_bytes()));
        let bcrypt = HashParts::from_str(&format!("$2b${:02}${salt}{digest}", self.cost))?;
        let tag = if self.tagged { TAG } else { "" };
        let stored = format!("{tag}{}", bcrypt.format_for_version(bcrypt::Version::TwoB));
        Ok(HashedPassword::from_stored(stored))
    }
}

fn prehash(password: &Password) -> Result<Zeroizing<String>, HashError> {
    let mut mac = Hmac::<Sha384>::new_from_slice(PREHASH_KEY).or(Err(HashError::Hmac))?;
    mac.update(password.expose().as_bytes());
    Ok(Zeroizing::new(BASE64.encode(&mac.finalize().into_bytes())))
}

/// A stored password that is a bcrypt hash.
#[derive(Debug)]
pub(in crate::auth) struct StoredHash {
    pub(in crate::auth) making: HashParams,
    pub(in crate::auth) digest: Digest,
}

impl StoredHash {
    /// Reads every prefix that the `bcrypt` crate reads, and the tag before it.
    pub(in crate::auth) fn read(hashed_password: &HashedPassword) -> Option<Self> {
        let text = hashed_password.expose();
        let (bcrypt, tagged) = match text.strip_prefix(TAG) {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let parts = HashParts::from_str(bcrypt).ok()?;
        let cost = parts.get_cost();
        let (_, digest) = bcrypt.rsplit_once('$')?;
        let mut bytes = [0; 23];
        BASE_64.decode_slice(digest.get(22..)?, &mut bytes).ok()?;
        (4..=31).contains(&cost).then(|| Self {
            making: HashParams {
                cost,
                salt: parts.get_salt_raw(),
                tagged,
            },
            digest: bytes.into(),
        })
    }

    /// Whether it should be made anew of the right password.
    pub(in crate::auth) fn is_outdated(&self, password: &Password, cost: BcryptCost) -> bool {
        let cut = !self.making.tagged && password.expose().len() > BCRYPT_BYTES;
        self.making.cost < cost.get() || cut
    }
}
