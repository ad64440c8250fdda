//! Keycloak's export of a realm. The parts of a hash are joined in the PHC string format.

mod users;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::Value;

use super::{Refusal, SourceUser};
use crate::domain::{Argon2Variant, ForeignHash, Kdf, Pbkdf2Digest};

pub(super) use users::rows;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    email: String,
    #[serde(default)]
    email_verified: bool,
    #[serde(default = "enabled")]
    enabled: bool,
    /// In milliseconds.
    created_timestamp: Option<i64>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    credentials: Vec<PasswordEntry>,
}

fn enabled() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordEntry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    secret_data: String,
    #[serde(default)]
    credential_data: String,
}

#[derive(Deserialize)]
struct Secret {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: Additional,
}

/// Each is a list of one text.
#[derive(Default, Deserialize)]
struct Additional {
    #[serde(default, rename = "type")]
    variant: Vec<String>,
    #[serde(default)]
    version: Vec<String>,
    #[serde(default)]
    memory: Vec<String>,
    #[serde(default)]
    parallelism: Vec<String>,
}

fn parse(user: Value) -> Result<SourceUser, Refusal> {
    let malformed = |_| Refusal::Malformed("a field of the user is of another type".to_owned());
    let user: User = serde_json::from_value(user).map_err(malformed)?;
    let password = user
        .credentials
        .iter()
        .find(|credential| credential.kind == "password");
    Ok(SourceUser {
        hash: password.map(hash).transpose()?,
        email: user.email,
        is_verified: user.email_verified,
        is_disabled: !user.enabled,
        groups: user.groups,
        created_at: user.created_timestamp.map(|at| at / 1000),
    })
}

fn hash(credential: &PasswordEntry) -> Result<String, Refusal> {
    let malformed = || Refusal::Malformed("the credential is not one of Keycloak".to_owned());
    let secret: Secret = serde_json::from_str(&credential.secret_data).or(Err(malformed()))?;
    let parameters: HashData =
        serde_json::from_str(&credential.credential_data).or(Err(malformed()))?;
    let (Ok(salt), Ok(digest)) = (
        BASE64.decode(secret.salt.as_bytes()),
        BASE64.decode(secret.value.as_bytes()),
    ) else {
        return Err(malformed());
    };
    let kdf = kdf(&parameters)
        .ok_or_else(|| Refusal::Malformed("the algorithm of the password is unknown".to_owned()))?;
    Ok(ForeignHash::new(kdf, salt, digest)?.to_text())
}

fn kdf(parameters: &HashData) -> Option<Kdf> {
    let iterations = parameters.hash_iterations;
    let digest = match parameters.algorithm.as_str() {
        "pbkdf2" => Pbkdf2Digest::Sha1,
        "pbkdf2-sha256" => Pbkdf2Digest::Sha256,
        "pbkdf2-sha512" => Pbkdf2Digest::Sha512,
        "argon2" => return argon2(iterations, &parameters.additional_parameters),
        _ => return None,
    };
    Some(Kdf::Pbkdf2 { digest, iterations })
}

fn argon2(passes: u32, additional: &Additional) -> Option<Kdf> {
    let variant = match additional.variant.first()?.as_str() {
        "id" => Argon2Variant::Id,
        "i" => Argon2Variant::I,
        "d" => Argon2Variant::D,
        _ => return None,
    };
    Some(Kdf::Argon2 {
        variant,
        is_v13: additional.version.first()? == "1.3",
        memory: additional.memory.first()?.parse().ok()?,
        passes,
        lanes: additional.parallelism.first()?.parse().ok()?,
    })
}
