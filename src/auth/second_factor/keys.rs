//! The secret key: its check against the database, and its rotation.

use super::Auth;
use crate::auth::{AuthError, SecondFactorPolicy};
use crate::db::DbError;
use crate::secret_key::{KeyFileError, KeyRing, Purpose};

/// The text that is encrypted under the key, so that the key can be recognised.
const KNOWN_TEXT: &[u8] = b"bienvenue";

/// The reason why the service does not start with this secret key.
#[derive(Debug, thiserror::Error)]
pub enum KeyCheckError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The file with the key.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Second factors are encrypted under a key that is missing.
    #[error(
        "the second factors in this database are encrypted under a secret key, and there is none \
         {place}: bring the file back, or remove all second factors with `bienvenue user \
         reset-second-factor --all`"
    )]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// Second factors are encrypted under another key.
    #[error(
        "the secret key in {place} is not the one that the second factors in this database are \
         encrypted under: bring that one back, or remove all second factors with `bienvenue user \
         reset-second-factor --all`"
    )]
    Wrong {
        /// Which file.
        place: String,
    },
}

impl KeyCheckError {
    /// Whether a restart fails again until an operator has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Database(_) => false,
            Self::File(_) | Self::Missing { .. } | Self::Wrong { .. } => true,
        }
    }
}

impl Auth {
    /// Checks that the secret key is the one that the second factors of this database are encrypted
    /// under. Blocks for a lookup and a read of the file.
    ///
    /// # Errors
    /// [`KeyCheckError`] with the remedy.
    pub fn check_secret_key(&self) -> Result<(), KeyCheckError> {
        let ring = self.keys.find()?;
        let place = self.keys.path().map_or_else(
            || "named (--secret-key-file)".to_owned(),
            |path| path.display().to_string(),
        );
        match (self.db.secret_key_check()?, ring) {
            (None, None) if self.keys.path().is_none() => match self.settings.second_factor {
                // No user could set up the second factor that the policy requires.
                SecondFactorPolicy::Required => Err(KeyFileError::NotNamed.into()),
                SecondFactorPolicy::Off | SecondFactorPolicy::Optional => Ok(()),
            },
            (None, _) => Ok(()),
            (Some(_), None) => Err(KeyCheckError::Missing { place }),
            (Some(sealed), Some(ring)) => match ring.unseal(Purpose::Check, &sealed) {
                Ok(_) => Ok(()),
                Err(_) => Err(KeyCheckError::Wrong { place }),
            },
        }
    }

    /// Encrypts every second factor under a new key, and removes the old key. Meanwhile the file
    /// holds both keys, so that a running service can decrypt every factor. Returns the number of
    /// factors. Blocks for a write of all of them.
    ///
    /// # Errors
    /// [`AuthError::SecretKey`] if the file cannot be written, or a secret cannot be decrypted;
    /// then the secrets are as they were, and the file has both keys.
    pub fn rotate_secret_key(&self) -> Result<usize, AuthError> {
        let ring = self.keys.ring()?;
        self.key_check(&ring)?;
        let both = KeyRing::parse(&ring.expose()).and_then(KeyRing::with_new_key);
        let both = both.map_err(KeyFileError::from)?;
        self.keys.replace(&both)?;
        let check = both.seal(Purpose::Check, KNOWN_TEXT);
        let check = check.map_err(KeyFileError::from)?;
        let resealed = self.db.reseal_secrets(&check, |user_id, sealed| {
            let secret = both.unseal(Purpose::Totp(user_id), sealed)?;
            Ok::<_, KeyFileError>(both.seal(Purpose::Totp(user_id), &secret)?)
        })??;
        self.keys.replace(&both.first_only())?;
        Ok(resealed)
    }

    /// The sealed text by which the key of this database is recognised: the stored one, if the key
    /// opens it, or a new one. Blocks for a lookup.
    pub(super) fn key_check(&self, ring: &KeyRing) -> Result<Vec<u8>, AuthError> {
        match self.db.secret_key_check()? {
            Some(sealed) => {
                ring.unseal(Purpose::Check, &sealed)
                    .map_err(KeyFileError::from)?;
                Ok(sealed)
            }
            None => Ok(ring
                .seal(Purpose::Check, KNOWN_TEXT)
                .map_err(KeyFileError::from)?),
        }
    }
}
