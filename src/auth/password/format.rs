//! The format of stored passwords.
//!
//! A password of up to 71 bytes is stored as standard bcrypt, `$2b$12$...`, which any library
//! can read. bcrypt would silently cut a longer one at 72 bytes, so it is prehashed, and the
//! stored text has a tag: `$bienvenue-1$2b$12$...` is
//! bcrypt(base64(HMAC-SHA-384("bienvenue/password/1", password))). Only the tag decides how to
//! verify: a prehash that is typed as a password is an ordinary password.

use std::str::FromStr;

use base64::Engine;
use bcrypt::{BASE_64, BcryptError, HashParts};
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;
use zeroize::Zeroizing;

use crate::auth::HashError;
use crate::bcrypt_lanes::{Digest, Input};
use crate::domain::{BcryptCost, HashedPassword, Password};

/// How many bytes of a password bcrypt uses, without the NUL at its end.
const BCRYPT_BYTES: usize = 71;
const TAG: &str = HashedPassword::PREHASHED;
const PREHASH_KEY: &[u8] = b"bienvenue/password/1";

/// The parameters of a bcrypt hash: cost, salt, and whether the password is prehashed.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct HashParams {
    pub(in crate::auth) cost: u32,
    salt: [u8; 16],
    tagged: bool,
}

impl HashParams {
    /// Parameters for a new hash: a random salt, and a prehash for a long password.
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

    /// Parameters for a hash that only spends time.
    pub(in crate::auth) fn to_spend(cost: u32) -> Self {
        Self {
            cost,
            salt: [0; 16],
            tagged: false,
        }
    }

    /// The bcrypt input for a password.
    ///
    /// Without the tag, only the first 72 bytes count, as for the hash of a long password that
    /// was imported. In the service's own hashes the closing NUL, which no password contains, is
    /// within these bytes.
    pub(in crate::auth) fn input(&self, password: &Password) -> Result<Input, HashError> {
        let prehashed = self.tagged.then(|| prehash(password)).transpose()?;
        let password = prehashed.as_ref().map_or(password.expose(), |text| text);
        Input::new(password.as_bytes(), self.salt, self.cost)
            .ok_or(BcryptError::CostNotAllowed(self.cost).into())
    }

    /// The stored form of a digest.
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
    /// Parses a stored password with any prefix that the `bcrypt` crate accepts, and with or
    /// without the tag. None if it is not a bcrypt hash.
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

    /// Whether the right password should be rehashed: the cost is too low, or the password was cut.
    pub(in crate::auth) fn is_outdated(&self, password: &Password, cost: BcryptCost) -> bool {
        let cut = !self.making.tagged && password.expose().len() > BCRYPT_BYTES;
        self.making.cost < cost.get() || cut
    }
}
