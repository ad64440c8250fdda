//! PBKDF2 with the digests of imported password hashes.
//!
//! The crate `pbkdf2` is generic: the compiler makes its loops in the crate that names the digest, and
//! with the profile of that crate. This package is there to be optimised in every build.

use pbkdf2::pbkdf2_hmac;

/// Derives bytes with SHA-1, which only imported hashes use. Blocks while it computes.
pub fn pbkdf2_sha1(password: &[u8], salt: &[u8], iterations: u32, derived: &mut [u8]) {
    pbkdf2_hmac::<sha1::Sha1>(password, salt, iterations, derived);
}

/// Derives bytes with SHA-256. Blocks while it computes.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: u32, derived: &mut [u8]) {
    pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, derived);
}

/// Derives bytes with SHA-512. Blocks while it computes.
pub fn pbkdf2_sha512(password: &[u8], salt: &[u8], iterations: u32, derived: &mut [u8]) {
    pbkdf2_hmac::<sha2::Sha512>(password, salt, iterations, derived);
}
