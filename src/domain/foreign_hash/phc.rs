//! The PHC string format: `$argon2id$v=19$m=65536,t=3,p=4$SALT$DIGEST`, and the same for scrypt
//! and PBKDF2. passlib and Authelia write PBKDF2 with the bare number of iterations, and base64
//! with `.` for `+`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Argon2Variant, ForeignHash, ForeignHashError, Kdf, Pbkdf2Digest, ShaCryptVariant};

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

type Parsed = Option<Result<ForeignHash, ForeignHashError>>;

/// Parses a text that begins with `$argon2`, `$scrypt$` or `$pbkdf2`.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parts = text.strip_prefix('$')?.split('$');
    let name = parts.next()?;
    let rest: Vec<&str> = parts.collect();
    let (kind, parsed) = match name {
        "argon2d" => ("argon2", argon2(Argon2Variant::D, &rest)),
        "argon2i" => ("argon2", argon2(Argon2Variant::I, &rest)),
        "argon2id" => ("argon2", argon2(Argon2Variant::Id, &rest)),
        "scrypt" => ("scrypt", scrypt(&rest)),
        "pbkdf2" | "pbkdf2-sha1" => ("pbkdf2", pbkdf2(Pbkdf2Digest::Sha1, &rest)),
        "pbkdf2-sha256" => ("pbkdf2", pbkdf2(Pbkdf2Digest::Sha256, &rest)),
        "pbkdf2-sha512" => ("pbkdf2", pbkdf2(Pbkdf2Digest::Sha512, &rest)),
        _ => return None,
    };
    Some(match parsed {
        Some((kdf, salt, digest)) => ForeignHash::new(kdf, salt, digest),
        None => Err(ForeignHashError::Malformed(kind)),
    })
}

type Parts = Option<(Kdf, Vec<u8>, Vec<u8>)>;

fn argon2(variant: Argon2Variant, rest: &[&str]) -> Parts {
    let (is_v13, parameters, salt, digest) = match *rest {
        ["v=19", parameters, salt, digest] => (true, parameters, salt, digest),
        ["v=16", parameters, salt, digest] | [parameters, salt, digest] => {
            (false, parameters, salt, digest)
        }
        _ => return None,
    };
    let kdf = Kdf::Argon2 {
        variant,
        is_v13,
        memory: number(parameters, "m")?,
        passes: number(parameters, "t")?,
        lanes: number(parameters, "p")?,
    };
    Some((kdf, decode(salt)?, decode(digest)?))
}

fn scrypt(rest: &[&str]) -> Parts {
    let [parameters, salt, digest] = *rest else {
        return None;
    };
    let kdf = Kdf::Scrypt {
        log_n: number(parameters, "ln")?.try_into().ok()?,
        r: number(parameters, "r")?,
        p: number(parameters, "p")?,
        nfkc: false,
    };
    Some((kdf, decode(salt)?, decode(digest)?))
}

fn pbkdf2(digest: Pbkdf2Digest, rest: &[&str]) -> Parts {
    let [parameters, salt, hash] = *rest else {
        return None;
    };
    let iterations = match number(parameters, "i") {
        Some(iterations) => iterations,
        None => parameters.parse().ok()?,
    };
    Some((
        Kdf::Pbkdf2 { digest, iterations },
        decode(salt)?,
        decode(hash)?,
    ))
}

/// The value of one parameter of `m=65536,t=3,p=4`.
fn number(parameters: &str, name: &str) -> Option<u32> {
    let mut pairs = parameters
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    value.parse().ok()
}

/// Decodes base64 in the alphabet of the standard, or with `.` for `+`.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('.', "+")).ok()
}

/// The text of a hash.
pub(super) fn text(hash: &ForeignHash) -> String {
    let (salt, digest) = (BASE64.encode(hash.salt()), BASE64.encode(hash.digest()));
    let plain = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match *hash.kdf() {
        Kdf::Pbkdf2 {
            digest: of,
            iterations,
        } => {
            let name = match of {
                Pbkdf2Digest::Sha1 => "sha1",
                Pbkdf2Digest::Sha256 => "sha256",
                Pbkdf2Digest::Sha512 => "sha512",
            };
            format!("$pbkdf2-{name}$i={iterations}${salt}${digest}")
        }
        Kdf::Scrypt { nfkc: true, .. } => {
            let hex = data_encoding::HEXLOWER.encode(hash.digest());
            format!("{}:{hex}", plain(hash.salt()))
        }
        Kdf::Scrypt { log_n, r, p, .. } => {
            format!("$scrypt$ln={log_n},r={r},p={p}${salt}${digest}")
        }
        Kdf::Argon2 {
            variant,
            is_v13,
            memory,
            passes,
            lanes,
        } => {
            let variant = match variant {
                Argon2Variant::D => "d",
                Argon2Variant::I => "i",
                Argon2Variant::Id => "id",
            };
            let version = if is_v13 { 19 } else { 16 };
            format!("$argon2{variant}$v={version}$m={memory},t={passes},p={lanes}${salt}${digest}")
        }
        Kdf::ShaCrypt { variant, rounds } => {
            let number = match variant {
                ShaCryptVariant::Sha256 => 5,
                ShaCryptVariant::Sha512 => 6,
            };
            let (salt, digest) = (plain(hash.salt()), plain(hash.digest()));
            format!("${number}$rounds={rounds}${salt}${digest}")
        }
    }
}
