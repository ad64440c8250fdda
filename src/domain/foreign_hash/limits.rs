//! The limits of the parameters of foreign hashes: at most 128 MiB of memory, and about a second
//! of a slow core.

use super::{ForeignHashError, Kdf, Pbkdf2Digest};

/// KiB of memory of Argon2.
const ARGON2_MEMORY: u32 = 128 * 1024;
/// KiB that Argon2 fills in all passes together.
const ARGON2_FILLED: u64 = 1024 * 1024;
/// 128 * N * r bytes is the memory of scrypt: 128 MiB.
const SCRYPT_MEMORY: u64 = 1 << 20;
const SCRYPT_WORK: u64 = 1 << 21;
/// Iterations times blocks of output.
const PBKDF2_ITERATIONS: u64 = 4_000_000;
const SHA_CRYPT_ROUNDS: u32 = 500_000;

/// The longest salt, in bytes.
const SALT_MAX: usize = 128;

pub(super) fn memory(kdf: &Kdf) -> usize {
    let bytes = match *kdf {
        Kdf::Pbkdf2 { .. } | Kdf::ShaCrypt { .. } => 0,
        Kdf::Scrypt { log_n, r, .. } => (128 * u64::from(r)) << log_n.min(32),
        Kdf::Argon2 { memory, .. } => u64::from(memory) * 1024,
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

pub(super) fn check(kdf: &Kdf, salt: &[u8], digest: &[u8]) -> Result<(), ForeignHashError> {
    let kind = kdf.name();
    let too_costly = |limit| Err(ForeignHashError::TooCostly { kind, limit });
    let malformed = Err(ForeignHashError::Malformed(kind));
    // A shorter digest would match too many passwords.
    if salt.len() > SALT_MAX || !(16..=128).contains(&digest.len()) {
        return malformed;
    }
    match *kdf {
        Kdf::Pbkdf2 {
            digest: of,
            iterations,
        } => {
            let size = match of {
                Pbkdf2Digest::Sha1 => 20,
                Pbkdf2Digest::Sha256 => 32,
                Pbkdf2Digest::Sha512 => 64,
            };
            let blocks = u64::try_from(digest.len().div_ceil(size)).unwrap_or(u64::MAX);
            if iterations == 0 {
                return malformed;
            }
            if u64::from(iterations).saturating_mul(blocks) > PBKDF2_ITERATIONS {
                return too_costly("at most 4,000,000 iterations in all blocks together");
            }
        }
        Kdf::Scrypt {
            log_n,
            r,
            p,
            nfkc: _,
        } => {
            if log_n == 0 || r == 0 || p == 0 {
                return malformed;
            }
            let memory = u64::from(r).saturating_mul(1 << log_n.min(32));
            if memory > SCRYPT_MEMORY {
                return too_costly("at most 128 MiB of memory");
            }
            if memory.saturating_mul(p.into()) > SCRYPT_WORK {
                return too_costly("N * r * p may be at most 2,097,152");
            }
        }
        Kdf::Argon2 {
            memory,
            passes,
            lanes,
            ..
        } => {
            if passes == 0 || lanes == 0 || memory < 8 * lanes.min(1024) || salt.len() < 8 {
                return malformed;
            }
            if memory > ARGON2_MEMORY || lanes > 64 {
                return too_costly("at most 128 MiB of memory (m=131072) and p=64");
            }
            if u64::from(memory).saturating_mul(passes.into()) > ARGON2_FILLED {
                return too_costly("m * t may be at most 1,048,576");
            }
        }
        Kdf::ShaCrypt { rounds, .. } => {
            if !(1000..=999_999_999).contains(&rounds) || salt.len() > 16 {
                return malformed;
            }
            if rounds > SHA_CRYPT_ROUNDS {
                return too_costly("at most 500,000 rounds");
            }
        }
    }
    Ok(())
}
