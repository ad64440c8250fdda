//! What bcrypt hashes instead of the password, for long passwords and for imported hashes.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::foreign::md5_crypt::md5_crypt;
use crate::auth::HashError;
use crate::domain::{Password, Prehash, WeakScheme};

const PREHASH_KEY: &[u8] = b"bienvenue/password/1";

/// The text that bcrypt hashes; none for the password itself.
pub(super) fn prehashed(
    prehash: &Prehash,
    password: &Password,
) -> Result<Option<Zeroizing<String>>, HashError> {
    let password = password.expose();
    Ok(match prehash {
        Prehash::None => None,
        Prehash::Hmac => Some(hmac(password)?),
        Prehash::Sha256 => Some(HEXLOWER.encode(&Sha256::digest(password)).into()),
        Prehash::Weak { scheme, salt } => Some(hmac(&weak(*scheme, salt, password))?),
    })
}

/// HMAC-SHA-384, in base64.
pub(super) fn hmac(text: &str) -> Result<Zeroizing<String>, HashError> {
    let mut mac = Hmac::<Sha384>::new_from_slice(PREHASH_KEY).or(Err(HashError::Hmac))?;
    mac.update(text.as_bytes());
    Ok(Zeroizing::new(BASE64.encode(&mac.finalize().into_bytes())))
}

/// The weak hash of a password, as `WeakHash::digest` has it.
fn weak(scheme: WeakScheme, salt: &str, password: &str) -> Zeroizing<String> {
    let text = match scheme {
        WeakScheme::Md5 => digest::<md5::Md5>(salt, password),
        WeakScheme::Sha1 => digest::<Sha1>(salt, password),
        WeakScheme::Sha256 => digest::<Sha256>(salt, password),
        WeakScheme::Sha512 => digest::<Sha512>(salt, password),
        WeakScheme::Apr1 => md5_crypt(b"$apr1$", salt, password),
        WeakScheme::Md5Crypt => md5_crypt(b"$1$", salt, password),
    };
    Zeroizing::new(text)
}

fn digest<D: Digest>(salt: &str, password: &str) -> String {
    let digest = D::new().chain_update(salt).chain_update(password);
    HEXLOWER.encode(&digest.finalize())
}
