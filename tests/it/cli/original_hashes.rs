//! Hashes that Authelia and Keycloak made themselves, and whether an export has the fields that Kratos and
//! Keycloak read.

use std::fs;

use serde_json::{Value, json};

use super::imports::{empty, login, report, run};
use crate::support::program::told;
use crate::support::{Engine, Place};

#[test]
fn hashes_that_authelia_made_log_in() {
    let place = empty(Engine::Sqlite).unwrap();
    let users = include_str!("../data/foreign_hashes/authelia_made.yml");
    fs::write(place.path("users.yml"), users).unwrap();
    let imported = report(&place, "authelia:users.yml", &[]);
    let kinds = json!({"argon2": 1, "pbkdf2": 1, "sha-crypt": 1});
    assert_eq!(imported["hashes"], kinds);
    for (email, password) in [
        ("argon2@authelia.com", "password"),
        ("sha512@authelia.com", "password"),
        ("pbkdf2@authelia.com", "insecure_secret"),
    ] {
        assert_eq!(login(&place, email, "wrong"), 401, "{email}");
        assert_eq!(login(&place, email, password), 200, "{email}");
    }
}

#[test]
fn hashes_that_keycloak_made_log_in() {
    let place = empty(Engine::Sqlite).unwrap();
    realm(&place);
    for (email, password) in [
        ("pbkdf2@keycloak.example", "password"),
        ("argon2@keycloak.example", "password"),
        ("pbkdf2-9@keycloak.example", "user1"),
    ] {
        assert_eq!(login(&place, email, "wrong"), 401, "{email}");
        assert_eq!(login(&place, email, password), 200, "{email}");
    }
}

/// Imports the users of `keycloak_made.json`.
fn realm(place: &Place) {
    let realm = include_str!("../data/foreign_hashes/keycloak_made.json");
    fs::write(place.path("realm.json"), realm).unwrap();
    let imported = report(place, "keycloak:realm.json", &[]);
    assert_eq!(imported["hashes"], json!({"argon2": 1, "pbkdf2": 2}));
}

fn exported(place: &Place, format: &str) -> Value {
    let output = run(place, &["export", "--format", format]);
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Users with and without a hash, a group and a date.
fn users(place: &Place) {
    realm(place);
    let lines = r#"{"email":"none@x.fr","disabled":true,"groups":["staff"]}
{"email":"bcrypt@x.fr","password_hash":"$2b$05$jH.D8DsXGGTCAbaVBPQvc.yQqnhkRBoAAxOqG4.TVzXVIH6n3b9G2","email_verified":true}"#;
    fs::write(place.path("users.jsonl"), lines).unwrap();
    assert_eq!(report(place, "users.jsonl", &[])["imported"], json!(2));
}

/// The fields of an object, with the test that each value passes. A field with `*` must be there.
type Shape<'a> = &'a [(&'a str, fn(&Value) -> bool)];

fn has_shape(object: &Value, shape: Shape<'_>) {
    let fields = object.as_object().unwrap_or_else(|| panic!("{object}"));
    for (name, value) in fields {
        let known = shape
            .iter()
            .find(|(field, _)| field.trim_end_matches('*') == name);
        let (_, is_right) = known.unwrap_or_else(|| panic!("unknown field {name}: {object}"));
        assert!(is_right(value), "{name}: {object}");
    }
    for (name, _) in shape.iter().filter(|(name, _)| name.ends_with('*')) {
        let name = name.trim_end_matches('*');
        assert!(fields.contains_key(name), "no {name}: {object}");
    }
}

/// `CreateIdentityBody` and what it contains, in `identity/handler.go` and
/// `identity/identity_verification.go` of github.com/ory/kratos, which refuses unknown fields.
#[test]
fn export_for_kratos_has_the_fields_that_it_reads() {
    let place = empty(Engine::Sqlite).unwrap();
    users(&place);
    let identities = exported(&place, "kratos");
    let identities = identities.as_array().unwrap();
    assert_eq!(identities.len(), 5);
    let mut hashes = 0;
    for identity in identities {
        has_shape(
            identity,
            &[
                ("schema_id*", Value::is_string),
                ("traits*", Value::is_object),
                ("credentials", Value::is_object),
                ("verifiable_addresses", Value::is_array),
                ("state", |state| {
                    *state == json!("active") || *state == json!("inactive")
                }),
            ],
        );
        for address in identity["verifiable_addresses"].as_array().unwrap() {
            has_shape(
                address,
                &[
                    ("value*", Value::is_string),
                    ("verified*", Value::is_boolean),
                    ("via*", |via| *via == json!("email")),
                    ("status*", |status| {
                        *status == json!("pending") || *status == json!("completed")
                    }),
                ],
            );
        }
        if let Some(credentials) = identity.get("credentials") {
            has_shape(credentials, &[("password*", Value::is_object)]);
            let password = &credentials["password"];
            has_shape(password, &[("config*", Value::is_object)]);
            let config = &password["config"];
            has_shape(config, &[("hashed_password*", Value::is_string)]);
            hashes += 1;
        }
    }
    assert_eq!(hashes, 4);
}

/// `UserRepresentation`, `CredentialRepresentation`, `PasswordSecretData` and `PasswordCredentialData`
/// of github.com/keycloak/keycloak.
#[test]
fn export_for_keycloak_has_the_fields_that_it_reads() {
    let place = empty(Engine::Sqlite).unwrap();
    users(&place);
    let realm = exported(&place, "keycloak");
    let users = realm["users"].as_array().unwrap();
    assert_eq!(users.len(), 5);
    let is_list_of_texts = |value: &Value| {
        value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_string))
    };
    let mut hashes = 0;
    for user in users {
        has_shape(
            user,
            &[
                ("username*", Value::is_string),
                ("email", Value::is_string),
                ("emailVerified", Value::is_boolean),
                ("enabled", Value::is_boolean),
                ("createdTimestamp", |at| at.is_null() || at.is_i64()),
                ("groups", is_list_of_texts),
                ("credentials", Value::is_array),
            ],
        );
        for credential in user["credentials"].as_array().unwrap() {
            has_shape(
                credential,
                &[
                    ("type*", |kind| *kind == json!("password")),
                    // Each is JSON as a text.
                    ("secretData*", Value::is_string),
                    ("credentialData*", Value::is_string),
                ],
            );
            let parsed = |field: &str| -> Value {
                serde_json::from_str(credential[field].as_str().unwrap()).unwrap()
            };
            has_shape(
                &parsed("secretData"),
                &[
                    ("value*", Value::is_string),
                    ("salt*", Value::is_string),
                    ("additionalParameters", Value::is_object),
                ],
            );
            let data = parsed("credentialData");
            has_shape(
                &data,
                &[
                    ("hashIterations*", Value::is_i64),
                    ("algorithm*", Value::is_string),
                    ("additionalParameters", Value::is_object),
                ],
            );
            let parameters = data["additionalParameters"].as_object().unwrap();
            assert!(parameters.values().all(is_list_of_texts), "{data}");
            hashes += 1;
        }
    }
    assert_eq!(hashes, 4);
}
