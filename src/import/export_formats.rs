//! Users in the forms that Kratos and Keycloak import.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::SourceUser;
use crate::domain::{Argon2Variant, ForeignHash, HashedPassword, Kdf, Pbkdf2Digest, Prehash};

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

fn kratos_hash(stored: &HashedPassword) -> Option<String> {
    if let Some((prehash, bcrypt)) = stored.bcrypt() {
        return (prehash == Prehash::None).then(|| bcrypt.to_owned());
    }
    let hash = stored.foreign().ok().flatten()?;
    match *hash.kdf() {
        Kdf::Scrypt { nfkc: true, .. } | Kdf::ShaCrypt { .. } => None,
        // Kratos needs the length.
        Kdf::Pbkdf2 { iterations, .. } => {
            let parameters = format!("$i={iterations}$");
            let with_length = format!("$i={iterations},l={}$", hash.digest().len());
            Some(hash.to_text().replace(&parameters, &with_length))
        }
        Kdf::Scrypt { .. } | Kdf::Argon2 { .. } => Some(hash.to_text()),
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
