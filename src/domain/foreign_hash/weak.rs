//! Weak hashes: fast or without a salt. They are never stored; the import wraps them in bcrypt.

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

/// How a weak hash is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum WeakScheme {
    /// MD5 of salt and password, in hexadecimal digits.
    Md5,
    /// SHA-1 of salt and password, in hexadecimal digits.
    Sha1,
    /// SHA-256 of salt and password, in hexadecimal digits.
    Sha256,
    /// SHA-512 of salt and password, in hexadecimal digits.
    Sha512,
    /// The thousand rounds of MD5 of Apache's htpasswd.
    Apr1,
    /// The thousand rounds of MD5 of the C library's `crypt`.
    Md5Crypt,
}

/// A weak hash.
#[derive(Clone, PartialEq, Eq)]
pub struct WeakHash {
    scheme: WeakScheme,
    salt: String,
    digest: String,
}

impl WeakHash {
    /// Parses `{SHA}BASE64` and `$apr1$SALT$DIGEST` of htpasswd, `$1$SALT$DIGEST`, `md5$SALT$HEX`
    /// and `sha1$SALT$HEX` of old Django versions, and bare hexadecimal digits of MD5, SHA-1,
    /// SHA-256 and SHA-512. None for another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digest) = text.strip_prefix("{SHA}") {
            let digest = BASE64.decode(digest.as_bytes()).ok()?;
            let digest = (digest.len() == 20).then(|| HEXLOWER.encode(&digest))?;
            return Self::new(WeakScheme::Sha1, "", digest);
        }
        for (prefix, scheme) in [
            ("$apr1$", WeakScheme::Apr1),
            ("$1$", WeakScheme::Md5Crypt),
            ("md5$", WeakScheme::Md5),
            ("sha1$", WeakScheme::Sha1),
        ] {
            if let Some((salt, digest)) = text
                .strip_prefix(prefix)
                .and_then(|rest| rest.split_once('$'))
            {
                let is_crypt = matches!(scheme, WeakScheme::Apr1 | WeakScheme::Md5Crypt);
                let digest = if is_crypt { crypt(digest) } else { hex(digest) };
                return Self::new(scheme, salt, digest?);
            }
        }
        let scheme = match text.len() {
            32 => WeakScheme::Md5,
            40 => WeakScheme::Sha1,
            64 => WeakScheme::Sha256,
            128 => WeakScheme::Sha512,
            _ => return None,
        };
        Self::new(scheme, "", hex(text)?)
    }

    fn new(scheme: WeakScheme, salt: &str, digest: String) -> Option<Self> {
        let length = match scheme {
            WeakScheme::Md5 => 32,
            WeakScheme::Sha1 => 40,
            WeakScheme::Sha256 => 64,
            WeakScheme::Sha512 => 128,
            WeakScheme::Apr1 | WeakScheme::Md5Crypt => 22,
        };
        let is_salt = salt.len() <= 64 && salt.bytes().all(|c| c.is_ascii_graphic() && c != b'$');
        (digest.len() == length && is_salt).then(|| Self {
            scheme,
            salt: salt.to_owned(),
            digest,
        })
    }

    /// How it is computed.
    #[must_use]
    pub fn scheme(&self) -> WeakScheme {
        self.scheme
    }

    /// The salt; empty for none.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The text that the scheme computes for the right password.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl std::fmt::Debug for WeakHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeakHash")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Hexadecimal digits, in lower case.
fn hex(text: &str) -> Option<String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    Some(HEXLOWER.encode(&bytes))
}

fn crypt(text: &str) -> Option<String> {
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    text.bytes().all(is_base64).then(|| text.to_owned())
}
