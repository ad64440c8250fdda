//! Foreign hashes: password hashes of other systems, checked as they are stored.
//!
//! The parsers accept only parameters within the limits of [`limits`], so that no row makes a
//! login expensive.

mod crypt;
mod limits;
mod phc;
mod systems;
mod weak;

use std::fmt;

pub use weak::{WeakHash, WeakScheme};

/// The longest text that is parsed, in bytes: what the column holds.
const TEXT_MAX: usize = 250;

/// The hash function of PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pbkdf2Digest {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// The variant of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argon2Variant {
    /// Argon2d.
    D,
    /// Argon2i.
    I,
    /// Argon2id.
    Id,
}

/// The hash function of sha-crypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShaCryptVariant {
    /// `$5$`.
    Sha256,
    /// `$6$`.
    Sha512,
}

/// A key derivation function with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kdf {
    /// PBKDF2.
    Pbkdf2 {
        /// The hash function.
        digest: Pbkdf2Digest,
        /// How often it is applied.
        iterations: u32,
    },
    /// scrypt.
    Scrypt {
        /// The binary logarithm of N.
        log_n: u8,
        /// The block size.
        r: u32,
        /// The parallelism.
        p: u32,
        /// Whether the password is normalized to NFKC first, as better-auth does.
        nfkc: bool,
    },
    /// Argon2.
    Argon2 {
        /// The variant.
        variant: Argon2Variant,
        /// Whether the version is 1.3; else 1.0.
        is_v13: bool,
        /// KiB of memory.
        memory: u32,
        /// How many times the memory is filled.
        passes: u32,
        /// The parallelism.
        lanes: u32,
    },
    /// sha-crypt of the C library.
    ShaCrypt {
        /// The hash function.
        variant: ShaCryptVariant,
        /// How often it is applied.
        rounds: u32,
    },
}

/// A hash of another system: the function, the salt, and the digest to compare with.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash {
    kdf: Kdf,
    salt: Vec<u8>,
    /// The bytes of the digest; for sha-crypt, its text.
    digest: Vec<u8>,
}

/// Why a text is not a foreign hash that can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignHashError {
    /// No format of another system begins like it.
    #[error("the hash is of an unknown kind")]
    UnknownKind,
    /// The format is known, and the text does not follow it.
    #[error("the {0} hash is malformed")]
    Malformed(&'static str),
    /// The parameters exceed a limit. A login would take too much memory or time.
    #[error("the {kind} hash is too costly: {limit}")]
    TooCostly {
        /// The function.
        kind: &'static str,
        /// The limit.
        limit: &'static str,
    },
}

impl ForeignHash {
    /// Parses the text of a hash as Werkzeug, Django, better-auth, Authelia, and other systems
    /// store it, or in the PHC string format.
    ///
    /// # Errors
    /// [`ForeignHashError`] if the kind is unknown, the text is malformed, or a parameter exceeds
    /// its limit.
    pub fn parse(text: &str) -> Result<Self, ForeignHashError> {
        if text.len() > TEXT_MAX {
            return Err(ForeignHashError::UnknownKind);
        }
        let parsers = [phc::parse, crypt::parse, systems::parse];
        let found = parsers.iter().find_map(|parse| parse(text));
        found.unwrap_or(Err(ForeignHashError::UnknownKind))
    }

    /// A hash of its parts. The digest of sha-crypt is its text.
    ///
    /// # Errors
    /// [`ForeignHashError`] if a parameter, the salt or the digest exceeds its limit.
    pub fn new(kdf: Kdf, salt: Vec<u8>, digest: Vec<u8>) -> Result<Self, ForeignHashError> {
        limits::check(&kdf, &salt, &digest)?;
        Ok(Self { kdf, salt, digest })
    }

    /// The function and its parameters.
    #[must_use]
    pub fn kdf(&self) -> &Kdf {
        &self.kdf
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The digest of the right password; for sha-crypt, its text.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The memory that a check takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        limits::memory(&self.kdf)
    }

    /// A hash with the same parameters, of no password: all bytes of salt and digest are zero.
    #[must_use]
    pub fn without_secret(&self) -> Self {
        // Where salt or digest are texts, the bytes of a zero in their alphabet.
        let (salt, digest) = match self.kdf {
            Kdf::ShaCrypt { .. } => (b'.', b'.'),
            Kdf::Scrypt { nfkc: true, .. } => (b'0', 0),
            Kdf::Pbkdf2 { .. } | Kdf::Scrypt { .. } | Kdf::Argon2 { .. } => (0, 0),
        };
        Self {
            kdf: self.kdf,
            salt: vec![salt; self.salt.len()],
            digest: vec![digest; self.digest.len()],
        }
    }

    /// The text to store, which [`ForeignHash::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        phc::text(self)
    }
}

impl Kdf {
    /// The name of the function, for reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pbkdf2 { .. } => "pbkdf2",
            Self::Scrypt { .. } => "scrypt",
            Self::Argon2 { .. } => "argon2",
            Self::ShaCrypt { .. } => "sha-crypt",
        }
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignHash")
            .field("kdf", &self.kdf)
            .finish_non_exhaustive()
    }
}
