//! The thousand rounds of MD5 of Apache's htpasswd (`$apr1$`) and of the C library (`$1$`).

use md5::{Digest, Md5};

use super::crypt_base64::encode;

const ROUNDS: usize = 1000;
/// The time grows with the length of the password. No longer one is right.
const PASSWORD_MAX: usize = 128;

/// The digest as text, in 22 characters; the empty text, which is no digest, for a password that
/// is too long.
pub(in crate::auth::password) fn md5_crypt(magic: &[u8], salt: &str, password: &str) -> String {
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    if password.len() > PASSWORD_MAX {
        return String::new();
    }
    let salt = salt.get(..8).unwrap_or(salt);
    let alternate = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = Md5::new()
        .chain_update(password)
        .chain_update(magic)
        .chain_update(salt);
    for byte in alternate.iter().cycle().take(password.len()) {
        first.update([*byte]);
    }
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 {
            &[0][..]
        } else {
            password.get(..1).unwrap_or_default()
        });
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..ROUNDS {
        let is_odd = round & 1 == 1;
        let mut next = Md5::new();
        next.update(if is_odd { password } else { &digest[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { &digest[..] } else { password });
        digest = next.finalize();
    }
    let order = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, 11];
    encode(&digest, &order)
}
