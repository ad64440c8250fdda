//! The formats of Werkzeug, Django and better-auth.

use data_encoding::HEXLOWER_PERMISSIVE as HEX;

use super::{ForeignHash, ForeignHashError, Kdf, Pbkdf2Digest, phc};

type Parts = Option<(Kdf, Vec<u8>, Vec<u8>)>;

/// Parses `scrypt:N:r:p$SALT$HEX` and `pbkdf2:sha256:N$SALT$HEX` of Werkzeug,
/// `pbkdf2_sha256$N$SALT$BASE64`, `scrypt$N$SALT$r$p$BASE64` and `argon2$argon2id$...` of Django,
/// and `HEX:HEX` of better-auth.
pub(super) fn parse(text: &str) -> Option<Result<ForeignHash, ForeignHashError>> {
    if let Some(phc) = text.strip_prefix("argon2$") {
        return phc::parse(&format!("${phc}"));
    }
    let (kind, parts) = if let Some(rest) = text.strip_prefix("scrypt:") {
        ("scrypt", werkzeug_scrypt(rest))
    } else if let Some(rest) = text.strip_prefix("pbkdf2:") {
        ("pbkdf2", werkzeug_pbkdf2(rest))
    } else if let Some(rest) = text.strip_prefix("pbkdf2_") {
        ("pbkdf2", django_pbkdf2(rest))
    } else if let Some(rest) = text.strip_prefix("scrypt$") {
        ("scrypt", django_scrypt(rest))
    } else {
        ("scrypt", Some(better_auth(text)?))
    };
    Some(match parts {
        Some((kdf, salt, digest)) => ForeignHash::new(kdf, salt, digest),
        None => Err(ForeignHashError::Malformed(kind)),
    })
}

fn werkzeug_scrypt(rest: &str) -> Parts {
    let (method, salt, digest) = three(rest, '$')?;
    let (n, r, p) = three(method, ':')?;
    Some((scrypt(n, r, p)?, salt.into(), hex(digest)?))
}

fn werkzeug_pbkdf2(rest: &str) -> Parts {
    let (method, salt, digest) = three(rest, '$')?;
    let (name, iterations) = method.split_once(':')?;
    Some((pbkdf2(name, iterations)?, salt.into(), hex(digest)?))
}

fn django_pbkdf2(rest: &str) -> Parts {
    let (name, rest) = rest.split_once('$')?;
    let (iterations, salt, digest) = three(rest, '$')?;
    Some((pbkdf2(name, iterations)?, salt.into(), phc::decode(digest)?))
}

fn django_scrypt(rest: &str) -> Parts {
    let (n, salt, rest) = three_first(rest)?;
    let (r, p, digest) = three(rest, '$')?;
    Some((scrypt(n, r, p)?, salt.into(), phc::decode(digest)?))
}

/// The salt is the text of 32 digits, not the bytes that they stand for.
fn better_auth(text: &str) -> Parts {
    let (salt, digest) = text.split_once(':')?;
    let is_hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
    let kdf = Kdf::Scrypt {
        log_n: 14,
        r: 16,
        p: 1,
        nfkc: true,
    };
    let has_form = salt.len() == 32 && digest.len() == 128 && is_hex(salt);
    has_form.then_some((kdf, salt.into(), hex(digest)?))
}

fn scrypt(n: &str, r: &str, p: &str) -> Option<Kdf> {
    let n: u32 = n.parse().ok().filter(|n: &u32| n.is_power_of_two())?;
    Some(Kdf::Scrypt {
        log_n: n.trailing_zeros().try_into().ok()?,
        r: r.parse().ok()?,
        p: p.parse().ok()?,
        nfkc: false,
    })
}

fn pbkdf2(name: &str, iterations: &str) -> Option<Kdf> {
    let digest = match name {
        "sha1" => Pbkdf2Digest::Sha1,
        "sha256" => Pbkdf2Digest::Sha256,
        "sha512" => Pbkdf2Digest::Sha512,
        _ => return None,
    };
    let iterations = iterations.parse().ok()?;
    Some(Kdf::Pbkdf2 { digest, iterations })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    HEX.decode(text.as_bytes()).ok()
}

fn three(text: &str, separator: char) -> Option<(&str, &str, &str)> {
    let (first, rest) = text.split_once(separator)?;
    let (second, third) = rest.split_once(separator)?;
    (!third.contains(separator)).then_some((first, second, third))
}

/// The first two parts, and all of the rest.
fn three_first(text: &str) -> Option<(&str, &str, &str)> {
    let (first, rest) = text.split_once('$')?;
    let (second, rest) = rest.split_once('$')?;
    Some((first, second, rest))
}
