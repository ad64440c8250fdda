//! The test vectors of the specification (WebAuthn Level 3, section 16), where its text is at
//! hand: `TEST_WEBAUTHN_SPEC` names the file, HTML or Bikeshed's source.

use std::collections::HashMap;
use std::fs;

use bienvenue::webauthn::{
    AssertionCredential, PublicKey, RegistrationCredential, RelyingParty, UserVerification,
    VerifyError,
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::json;

/// The byte strings of an example, by their names.
type Vector = HashMap<String, Vec<u8>>;

/// The examples of the section, each a registration and a login with it.
fn vectors(text: &str) -> Vec<(String, Vector, Vector)> {
    let blocks = text.split("sctn-test-vectors-").skip(1);
    let mut found: Vec<(String, Vector, Vector)> = Vec::new();
    for block in blocks {
        let title = block.split(['}', '"', ']']).next().unwrap().to_owned();
        let mut examples = block.split("challenge = h'").skip(1);
        let (Some(registration), Some(login)) = (examples.next(), examples.next()) else {
            continue;
        };
        let read = |example: &str| {
            let example = format!("challenge = h'{example}");
            let lines = example.lines().filter_map(|line| {
                let (name, value) = line.split_once(" = h'")?;
                let value = HEXLOWER.decode(value.split('\'').next()?.as_bytes());
                Some((name.trim().to_owned(), value.ok()?))
            });
            lines.collect()
        };
        found.push((title, read(registration), read(login)));
    }
    found
}

fn encoded(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

#[test]
fn vectors_of_the_specification_are_verified() {
    let Some(path) = std::env::var_os("TEST_WEBAUTHN_SPEC") else {
        println!("SKIPPED: TEST_WEBAUTHN_SPEC does not name the specification");
        return;
    };
    let text = fs::read_to_string(path).unwrap();
    let party = RelyingParty::new("https://example.org", "example.org").unwrap();
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (title, registration, login) in vectors(&text) {
        let Some(id) = registration.get("credential_id") else {
            continue;
        };
        let id = encoded(id);
        let new = json!({"id": id, "rawId": id, "type": "public-key", "response": {
            "clientDataJSON": encoded(&registration["clientDataJSON"]),
            "attestationObject": encoded(&registration["attestationObject"]),
        }});
        let verified = RegistrationCredential::parse(&new.to_string())
            .and_then(|new| Ok((new.challenge(), new.verify(&party)?)));
        let new = match verified {
            Ok((challenge, new)) => {
                assert_eq!(challenge[..], registration["challenge"], "{title}");
                new
            }
            Err(error) => {
                refused.push((title, error));
                continue;
            }
        };
        let assertion = json!({"id": id, "rawId": id, "type": "public-key", "response": {
            "clientDataJSON": encoded(&login["clientDataJSON"]),
            "authenticatorData": encoded(&login["authenticatorData"]),
            "signature": encoded(&login["signature"]),
        }});
        let assertion = AssertionCredential::parse(&assertion.to_string()).unwrap();
        assert_eq!(&assertion.challenge()[..], login["challenge"], "{title}");
        let key = PublicKey::parse(&new.public_key).unwrap();
        let key = (&key, new.backup_eligible);
        let verified = assertion.verify(&party, UserVerification::Preferred, key);
        verified.unwrap_or_else(|error| panic!("{title}: {error}"));
        accepted.push(title);
    }
    // Those in a frame of another origin, of algorithms that are not offered, and one whose
    // challenge is longer than any of ours.
    let expected = [
        ("none-es256-crossOrigin", VerifyError::Origin),
        ("none-es256-topOrigin", VerifyError::Origin),
        ("packed-es384", VerifyError::PublicKey),
        ("packed-es512", VerifyError::ClientData),
        ("packed-ed448", VerifyError::PublicKey),
    ];
    assert_eq!(
        refused,
        expected.map(|(title, error)| (title.to_owned(), error))
    );
    assert_eq!(accepted.len(), 10, "{accepted:?}");
}
