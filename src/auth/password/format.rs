//! The format of stored passwords.
//!
//! A password of up to 71 bytes is stored as standard bcrypt, `$2b$12$...`, which any library
//! can read. bcrypt would silently cut a longer one at 72 bytes, so it is prehashed, and the
//! stored text has a tag: `$bienvenue-1$2b$12$...` is
//! bcrypt(base64(HMAC-SHA-384("bienvenue/password/1", password))). Only the tag decides how to
//! verify: a prehash that is typed as a password is an ordinary password. Imported hashes have
//! further tags ([`Prehash`]).

use std::str::FromStr;

use base64::Engine;
use bcrypt::{BASE_64, BcryptError, HashParts};
use bcrypt_lanes::{Digest, Input};

use super::prehash::prehashed;
use crate::auth::HashError;
use crate::domain::{BcryptCost, HashedPassword, Password, Prehash};

/// How many bytes of a password bcrypt uses, without the NUL at its end.
const BCRYPT_BYTES: usize = 71;
const TAG: &str = HashedPassword::PREHASHED;

/// The parameters of a bcrypt hash: cost, salt, and what is hashed.
#[derive(Debug, Clone)]
pub(in crate::auth) struct HashParams {
    pub(in crate::auth) cost: u32,
    salt: [u8; 16],
    prehash: Prehash,
}

impl HashParams {
    /// Parameters for a new hash: a random salt, and a prehash for a long password.
    pub(in crate::auth) fn of_new(
        password: &Password,
        cost: BcryptCost,
    ) -> Result<Self, HashError> {
        let prehash = if password.expose().len() > BCRYPT_BYTES {
            Prehash::Hmac
        } else {
            Prehash::None
        };
        Self::with_salt(prehash, cost)
    }

    /// Parameters with a random salt.
    pub(in crate::auth) fn with_salt(
        prehash: Prehash,
        cost: BcryptCost,
    ) -> Result<Self, HashError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        Ok(Self {
            cost: cost.get(),
            salt,
            prehash,
        })
    }

    /// Parameters for a hash that only spends time.
    pub(in crate::auth) fn to_spend(cost: u32) -> Self {
        Self {
            cost,
            salt: [0; 16],
            prehash: Prehash::None,
        }
    }

    /// The bcrypt input for a password.
    ///
    /// Without the tag, only the first 72 bytes count, as for the hash of a long password that
    /// was imported. In the service's own hashes the closing NUL, which no password contains, is
    /// within these bytes.
    pub(in crate::auth) fn input(&self, password: &Password) -> Result<Input, HashError> {
        let prehashed = prehashed(&self.prehash, password)?;
        self.input_of(prehashed.as_ref().map_or(password.expose(), |text| text))
    }

    /// The bcrypt input for a text.
    pub(in crate::auth) fn input_of(&self, text: &str) -> Result<Input, HashError> {
        Input::new(text.as_bytes(), self.salt, self.cost)
            .ok_or(BcryptError::CostNotAllowed(self.cost).into())
    }

    /// The stored form of a digest.
    pub(in crate::auth) fn stored(&self, digest: &Digest) -> Result<HashedPassword, HashError> {
        let (salt, digest) = (BASE_64.encode(self.salt), BASE_64.encode(digest.as_bytes()));
        let bcrypt = HashParts::from_str(&format!("$2b${:02}${salt}{digest}", self.cost))?;
        let bcrypt = bcrypt.format_for_version(bcrypt::Version::TwoB);
        Ok(match &self.prehash {
            Prehash::None | Prehash::Sha256 => HashedPassword::from_stored(bcrypt),
            Prehash::Hmac => HashedPassword::from_stored(format!("{TAG}{bcrypt}")),
            Prehash::Weak { scheme, salt } => HashedPassword::wrapped(*scheme, salt, &bcrypt),
        })
    }
}

/// A stored password that is a bcrypt hash.
#[derive(Debug)]
pub(in crate::auth) struct StoredHash {
    pub(in crate::auth) params: HashParams,
    pub(in crate::auth) digest: Digest,
}

impl StoredHash {
    /// Parses a stored password with any prefix that the `bcrypt` crate accepts, and with any
    /// tag. None if it is not a bcrypt hash.
    pub(in crate::auth) fn read(hashed_password: &HashedPassword) -> Option<Self> {
        let (prehash, bcrypt) = hashed_password.bcrypt()?;
        let parts = HashParts::from_str(bcrypt).ok()?;
        let cost = parts.get_cost();
        let (_, digest) = bcrypt.rsplit_once('$')?;
        let mut bytes = [0; 23];
        BASE_64.decode_slice(digest.get(22..)?, &mut bytes).ok()?;
        (4..=31).contains(&cost).then(|| Self {
            params: HashParams {
                cost,
                salt: parts.get_salt_raw(),
                prehash,
            },
            digest: bytes.into(),
        })
    }

    /// Whether the right password should be rehashed: the cost is too low, the password was cut,
    /// or the form is not this service's own.
    pub(in crate::auth) fn is_outdated(&self, password: &Password, cost: BcryptCost) -> bool {
        let is_foreign = match self.params.prehash {
            Prehash::None => password.expose().len() > BCRYPT_BYTES,
            Prehash::Hmac => false,
            Prehash::Sha256 | Prehash::Weak { .. } => true,
        };
        self.params.cost < cost.get() || is_foreign
    }
}
