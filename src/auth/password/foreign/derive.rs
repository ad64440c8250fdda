//! The key derivation functions of foreign hashes. Pure computation, within the limits that the
//! parser has checked.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use icu_normalizer::ComposingNormalizerBorrowed;
use pbkdf2_sha::{pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::crypt_base64::encode;
use crate::domain::{Argon2Variant, ForeignHash, Kdf, Password, Pbkdf2Digest, ShaCryptVariant};

/// The time of sha-crypt grows with the length of the password. No longer one is right.
const SHA_CRYPT_PASSWORD_MAX: usize = 128;

/// Whether this is the password of a foreign hash. Blocks for up to about a second, and takes up
/// to 128 MiB of memory. False too if the memory cannot be had.
pub(super) fn is_right(hash: &ForeignHash, password: &Password) -> bool {
    let derived = derive(hash, password.expose());
    derived.is_some_and(|derived| derived.ct_eq(hash.digest()).into())
}

fn derive(hash: &ForeignHash, password: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (bytes, salt) = (password.as_bytes(), hash.salt());
    let mut derived = Zeroizing::new(vec![0; hash.digest().len()]);
    match *hash.kdf() {
        Kdf::Pbkdf2 { digest, iterations } => match digest {
            Pbkdf2Digest::Sha1 => pbkdf2_sha1(bytes, salt, iterations, &mut derived),
            Pbkdf2Digest::Sha256 => pbkdf2_sha256(bytes, salt, iterations, &mut derived),
            Pbkdf2Digest::Sha512 => pbkdf2_sha512(bytes, salt, iterations, &mut derived),
        },
        Kdf::Scrypt { log_n, r, p, nfkc } => {
            let normalized = nfkc.then(|| nfkc_of(password));
            let bytes = normalized.as_ref().map_or(bytes, |text| text.as_bytes());
            let params = scrypt::Params::new(log_n, r, p).ok()?;
            scrypt::scrypt(bytes, salt, &params, &mut derived).ok()?;
        }
        Kdf::Argon2 {
            variant,
            is_v13,
            memory,
            passes,
            lanes,
        } => {
            let algorithm = match variant {
                Argon2Variant::D => Algorithm::Argon2d,
                Argon2Variant::I => Algorithm::Argon2i,
                Argon2Variant::Id => Algorithm::Argon2id,
            };
            let version = if is_v13 {
                Version::V0x13
            } else {
                Version::V0x10
            };
            let params = Params::new(memory, passes, lanes, Some(derived.len())).ok()?;
            let mut blocks = Vec::new();
            let count = params.block_count();
            blocks.try_reserve_exact(count).ok()?;
            blocks.resize(count, Block::default());
            let argon2 = Argon2::new(algorithm, version, params);
            let done =
                argon2.hash_password_into_with_memory(bytes, salt, &mut derived, &mut blocks);
            done.ok()?;
        }
        Kdf::ShaCrypt { .. } if bytes.len() > SHA_CRYPT_PASSWORD_MAX => return None,
        Kdf::ShaCrypt { variant, rounds } => {
            let params = sha_crypt::Params::new(rounds).ok()?;
            let text = match variant {
                ShaCryptVariant::Sha256 => encode(
                    &sha_crypt::sha256_crypt(bytes, salt, params),
                    &sha256_order(),
                ),
                ShaCryptVariant::Sha512 => encode(
                    &sha_crypt::sha512_crypt(bytes, salt, params),
                    &sha512_order(),
                ),
            };
            derived = Zeroizing::new(text.into_bytes());
        }
    }
    Some(derived)
}

fn nfkc_of(password: &str) -> Zeroizing<String> {
    let normalizer = ComposingNormalizerBorrowed::new_nfkc();
    Zeroizing::new(normalizer.normalize(password).into_owned())
}

/// The order in which sha-crypt writes the bytes of a digest.
fn sha256_order() -> Vec<usize> {
    let mut order: Vec<usize> = (0..10)
        .flat_map(|i| rotated([i, i + 10, i + 20], 2 * i))
        .collect();
    order.extend([31, 30]);
    order
}

fn sha512_order() -> Vec<usize> {
    let mut order: Vec<usize> = (0..21)
        .flat_map(|i| rotated([i, i + 21, i + 42], i))
        .collect();
    order.push(63);
    order
}

fn rotated(mut group: [usize; 3], by: usize) -> [usize; 3] {
    group.rotate_left(by % 3);
    group
}
