//! Users in the forms that Kratos and Keycloak import.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::SourceUser;
use crate::domain::{
    Argon2Variant, ForeignHash, HashedPassword, Kdf, Pbkdf2Digest, Prehash, ShaCryptVariant,
};

/// A user as an identity of Ory Kratos. A hash that Kratos does not check is left out.
#[must_use]
pub fn kratos_identity(user: &SourceUser, stored: &HashedPassword) -> Value {
    let mut identity = json!({
        "schema_id": "default",
        "traits": {"email": user.email},
        "state": if user.is_disabled { "inactive" } else { "active" },
    });
    let status = if user.is_verified {
        "completed"
    } else {
        "pending"
    };
    if let Some(fields) = identity.as_object_mut() {
        fields.insert(
            "verifiable_addresses".to_owned(),
            json!([{
                "value": user.email,
                "verified": user.is_verified,
                "via": "email",
                "status": status,
            }]),
        );
        if let Some(hash) = kratos_hash(stored) {
            fields.insert(
                "credentials".to_owned(),
                json!({"password": {"config": {"hashed_password": hash}}}),
            );
        }
    }
    identity
}

/// A hash as Kratos reads it (`hash/hash_comparator.go` there), which is not the PHC string format
/// for scrypt and sha-crypt.
fn kratos_hash(stored: &HashedPassword) -> Option<String> {
    if let Some((prehash, bcrypt)) = stored.bcrypt() {
        return (prehash == Prehash::None).then(|| bcrypt.to_owned());
    }
    let hash = stored.foreign().ok().flatten()?;
    match *hash.kdf() {
        // Kratos needs the length.
        Kdf::Pbkdf2 { iterations, .. } => {
            let parameters = format!("$i={iterations}$");
            let with_length = format!("$i={iterations},l={}$", hash.digest().len());
            Some(hash.to_text().replace(&parameters, &with_length))
        }
        // `ln` is N itself there, and the base64 is padded.
        Kdf::Scrypt {
            log_n,
            r,
            p,
            nfkc: false,
        } => {
            let n = 1_u64.checked_shl(log_n.into())?;
            let (salt, digest) = (BASE64.encode(hash.salt()), BASE64.encode(hash.digest()));
            Some(format!("$scrypt$ln={n},r={r},p={p}${salt}${digest}"))
        }
        Kdf::Argon2 {
            variant: Argon2Variant::I | Argon2Variant::Id,
            is_v13: true,
            ..
        } => Some(hash.to_text()),
        Kdf::ShaCrypt { variant, .. } => {
            let (ours, theirs) = match variant {
                ShaCryptVariant::Sha256 => ("$5$", "$sha256-crypt$"),
                ShaCryptVariant::Sha512 => ("$6$", "$sha512-crypt$"),
            };
            Some(hash.to_text().replacen(ours, theirs, 1))
        }
        Kdf::Scrypt { nfkc: true, .. } | Kdf::Argon2 { .. } => None,
    }
}

/// A user of a Keycloak realm. Keycloak checks PBKDF2 and Argon2; bcrypt needs an extension that
/// has this algorithm. Another hash is left out.
#[must_use]
pub fn keycloak_user(user: &SourceUser, stored: &HashedPassword) -> Value {
    let credentials = keycloak_credential(stored).map(|credential| vec![credential]);
    json!({
        "username": user.email,
        "email": user.email,
        "emailVerified": user.is_verified,
        "enabled": !user.is_disabled,
        "createdTimestamp": user.created_at.map(|at| at.saturating_mul(1000)),
        "groups": user.groups.iter().map(|group| format!("/{group}")).collect::<Vec<_>>(),
        "credentials": credentials.unwrap_or_default(),
    })
}

fn keycloak_credential(stored: &HashedPassword) -> Option<Value> {
    let (secret, data) = match stored.bcrypt() {
        Some((Prehash::None, bcrypt)) => (
            json!({"value": bcrypt, "salt": ""}),
            json!({
                "hashIterations": bcrypt.get(4..6)?.parse::<u32>().ok()?,
                "algorithm": "bcrypt",
                "additionalParameters": {},
            }),
        ),
        Some(_) => return None,
        None => {
            let hash = stored.foreign().ok().flatten()?;
            let secret = json!({
                "value": BASE64.encode(hash.digest()),
                "salt": BASE64.encode(hash.salt()),
                "additionalParameters": {},
            });
            (secret, keycloak_parameters(&hash)?)
        }
    };
    Some(json!({
        "type": "password",
        "secretData": secret.to_string(),
        "credentialData": data.to_string(),
    }))
}

fn keycloak_parameters(hash: &ForeignHash) -> Option<Value> {
    match *hash.kdf() {
        Kdf::Pbkdf2 { digest, iterations } => {
            let algorithm = match digest {
                Pbkdf2Digest::Sha1 => "pbkdf2",
                Pbkdf2Digest::Sha256 => "pbkdf2-sha256",
                Pbkdf2Digest::Sha512 => "pbkdf2-sha512",
            };
            Some(json!({
                "hashIterations": iterations,
                "algorithm": algorithm,
                "additionalParameters": {},
            }))
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
            Some(json!({
                "hashIterations": passes,
                "algorithm": "argon2",
                "additionalParameters": {
                    "hashLength": [hash.digest().len().to_string()],
                    "memory": [memory.to_string()],
                    "type": [variant],
                    "version": [if is_v13 { "1.3" } else { "1.0" }],
                    "parallelism": [lanes.to_string()],
                },
            }))
        }
        Kdf::Scrypt { .. } | Kdf::ShaCrypt { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kratos_reads_other_forms_than_phc() {
        for (stored, expected) in [
            (
                "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                None,
            ),
            (
                "scrypt:32768:8:1$salt$00ff00ff00ff00ff00ff00ff00ff00ff",
                Some("$scrypt$ln=32768,r=8,p=1$c2FsdA==$AP8A/wD/AP8A/wD/AP8A/w=="),
            ),
            (
                "$pbkdf2-sha256$i=5000$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w",
                Some("$pbkdf2-sha256$i=5000,l=16$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w"),
            ),
            (
                "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w",
                Some("$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w"),
            ),
            (
                "$argon2d$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w",
                Some(""),
            ),
            (
                "$argon2id$v=16$m=1024,t=2,p=1$c2FsdHNhbHQ$AP8A/wD/AP8A/wD/AP8A/w",
                Some(""),
            ),
            (
                "$5$rounds=5000$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
                Some(
                    "$sha256-crypt$rounds=5000$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
                ),
            ),
        ] {
            let hash = kratos_hash(&HashedPassword::from_stored(stored));
            let expected = expected.unwrap_or(stored);
            assert_eq!(hash.unwrap_or_default(), expected, "{stored}");
        }
    }
}
