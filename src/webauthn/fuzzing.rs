//! The body of the fuzz target `passkey`. It panics if a rule is broken.

use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::authenticator_data::AuthenticatorData;
use super::{
    AssertionCredential, CHALLENGE_LENGTH, CREDENTIAL_ID_MAX, PublicKey, RegistrationCredential,
    RelyingParty, UserVerification,
};

const ORIGIN: &str = "https://example.org";

/// Parses a credential of either kind, its parts and a public key, and checks that nothing that
/// anybody may send is accepted as a login.
pub fn passkey(input: &[u8]) {
    let Some(party) = RelyingParty::new(ORIGIN, "example.org") else {
        return;
    };
    let key = PublicKey::parse(input).unwrap_or(PublicKey::EdDsa([9; 32]));
    if let Ok(text) = std::str::from_utf8(input) {
        registers(text, &party);
        logs_in(text, &party, &key);
    }
    // A search seldom finds its way through base64.
    let id = match AuthenticatorData::parse(input).map(|data| data.credential) {
        Ok(Some(credential)) => {
            assert!((1..=CREDENTIAL_ID_MAX).contains(&credential.id.len()));
            assert!(credential.public_key.len() < input.len());
            credential.id.to_vec()
        }
        Ok(None) | Err(_) => b"abcd".to_vec(),
    };
    for attestation in [input.to_vec(), attestation(input)] {
        let members = [("attestationObject", attestation.as_slice())];
        let text = credential(&id, "webauthn.create", &members);
        if let Some(registered) = registers(&text, &party) {
            assert_eq!(registered, id, "another id was registered");
        }
    }
    let (data, signature) = input.split_at(input.len().saturating_sub(64));
    for data in [data, input] {
        let members = [("authenticatorData", data), ("signature", signature)];
        logs_in(&credential(&id, "webauthn.get", &members), &party, &key);
    }
}

/// Checks a registration, and returns its id.
fn registers(text: &str, party: &RelyingParty) -> Option<Vec<u8>> {
    let new = RegistrationCredential::parse(text).ok()?;
    let new = new.verify(party).ok()?;
    assert!(PublicKey::parse(&new.public_key).is_ok(), "a key is lost");
    assert!(new.backup_eligible || !new.backed_up, "the flags differ");
    Some(new.id)
}

fn logs_in(text: &str, party: &RelyingParty, key: &PublicKey) {
    if let Ok(credential) = AssertionCredential::parse(text) {
        let verified = credential.verify(party, UserVerification::Preferred, (key, false));
        assert!(verified.is_err(), "a login without a private key");
    }
}

/// An attestation object with authenticator data.
fn attestation(data: &[u8]) -> Vec<u8> {
    let map = Value::Map(vec![
        ("fmt".into(), "none".into()),
        ("attStmt".into(), Value::Map(Vec::new())),
        ("authData".into(), data.to_vec().into()),
    ]);
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    drop(ciborium::into_writer(&map, &mut bytes));
    bytes
}

/// The JSON of a credential with these parts.
fn credential(id: &[u8], kind: &str, parts: &[(&str, &[u8])]) -> String {
    let challenge = BASE64URL_NOPAD.encode(&[0; CHALLENGE_LENGTH]);
    let client_data = json!({"type": kind, "challenge": challenge, "origin": ORIGIN}).to_string();
    let parts = [("clientDataJSON", client_data.as_bytes())]
        .into_iter()
        .chain(parts.iter().copied());
    let response: serde_json::Map<_, _> = parts
        .map(|(name, part)| (name.to_owned(), BASE64URL_NOPAD.encode(part).into()))
        .collect();
    let id = BASE64URL_NOPAD.encode(id);
    json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string()
}
