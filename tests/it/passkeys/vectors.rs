//! The test vectors of the specification (WebAuthn Level 3, section 16). A script makes them as the
//! section says that they are made; digests of what it prints tell whether the script is right.

use bienvenue::webauthn::{
    AssertionCredential, PublicKey, RegistrationCredential, RelyingParty, UserVerification,
    VerifyError,
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::made_by_python;

/// The examples, each with the start of the SHA-256 of its byte strings as the specification prints
/// them, in the order of the fields of [`Vector`], and what the verifier says about it. It refuses
/// those in a frame of another origin, those of algorithms that are not offered, and one with a
/// challenge that is longer than any of ours.
const EXAMPLES: [(&str, &str, Result<(), VerifyError>); 15] = [
    ("none-es256", "c10e68a1018ee7fc", Ok(())),
    ("packed-self-es256", "c68564fdd61f9b5d", Ok(())),
    (
        "none-es256-crossOrigin",
        "3254646ca7fc3e2e",
        Err(VerifyError::Origin),
    ),
    (
        "none-es256-topOrigin",
        "1a18297e6663233e",
        Err(VerifyError::Origin),
    ),
    ("none-es256-long-credential-id", "062aa45ceb772542", Ok(())),
    ("packed-es256", "8dbf55dff744ddf3", Ok(())),
    (
        "packed-es384",
        "783e41151aacc648",
        Err(VerifyError::PublicKey),
    ),
    (
        "packed-es512",
        "7369893294ee25f4",
        Err(VerifyError::ClientData),
    ),
    ("packed-rs256", "fc7d9f775495ba45", Ok(())),
    ("packed-eddsa", "a32632dad004c58f", Ok(())),
    (
        "packed-ed448",
        "b3660e44f8c3992a",
        Err(VerifyError::PublicKey),
    ),
    ("tpm-es256", "313e20af92af38aa", Ok(())),
    ("android-key-es256", "1e3b5094485d8459", Ok(())),
    ("apple-es256", "6f1da64f8dc3af9d", Ok(())),
    ("fido-u2f-es256", "8937cbaf2c1752e9", Ok(())),
];

/// A registration and a login with its key.
#[derive(Debug, Deserialize)]
struct Vector {
    title: String,
    #[serde(deserialize_with = "from_hex")]
    credential_id: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    challenge: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    client_data: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    attestation_object: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    login_challenge: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    authenticator_data: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    login_client_data: Vec<u8>,
    #[serde(deserialize_with = "from_hex")]
    signature: Vec<u8>,
}

fn from_hex<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = HEXLOWER.decode(text.as_bytes());
    bytes.map_err(serde::de::Error::custom)
}

impl Vector {
    /// The start of the SHA-256 of all byte strings.
    fn digest(&self) -> String {
        let strings = [
            &self.credential_id,
            &self.challenge,
            &self.client_data,
            &self.attestation_object,
            &self.login_challenge,
            &self.authenticator_data,
            &self.login_client_data,
            &self.signature,
        ];
        let digest = Sha256::digest(strings.map(Vec::as_slice).concat());
        HEXLOWER.encode(&digest[..8])
    }

    /// Registers the credential and logs in with it.
    fn verify(&self, party: &RelyingParty) -> Result<(), VerifyError> {
        let id = BASE64URL_NOPAD.encode(&self.credential_id);
        let new = json!({"id": id, "rawId": id, "type": "public-key", "response": {
            "clientDataJSON": BASE64URL_NOPAD.encode(&self.client_data),
            "attestationObject": BASE64URL_NOPAD.encode(&self.attestation_object),
        }});
        let credential = RegistrationCredential::parse(&new.to_string())?;
        let new = credential.verify(party)?;
        assert_eq!(credential.challenge()[..], self.challenge, "{}", self.title);
        assert_eq!(new.id, self.credential_id, "{}", self.title);
        let assertion = json!({"id": id, "rawId": id, "type": "public-key", "response": {
            "clientDataJSON": BASE64URL_NOPAD.encode(&self.login_client_data),
            "authenticatorData": BASE64URL_NOPAD.encode(&self.authenticator_data),
            "signature": BASE64URL_NOPAD.encode(&self.signature),
        }});
        // A login whose registration was accepted is accepted too.
        let assertion = AssertionCredential::parse(&assertion.to_string()).unwrap();
        assert_eq!(
            assertion.challenge()[..],
            self.login_challenge,
            "{}",
            self.title
        );
        let key = PublicKey::parse(&new.public_key).unwrap();
        let key = (&key, new.backup_eligible);
        let verified = assertion.verify(party, UserVerification::Preferred, key);
        verified.unwrap_or_else(|error| panic!("{}: {error}", self.title));
        Ok(())
    }
}

#[test]
fn vectors_of_the_specification_are_verified() {
    let Some(vectors) = made_by_python::<Vector>(include_str!("vectors.py"), &[]) else {
        return;
    };
    let party = RelyingParty::new("https://example.org", "example.org").unwrap();
    let verdict = |vector: &Vector| {
        let digest = vector.digest();
        (vector.title.clone(), digest, vector.verify(&party))
    };
    let verdicts: Vec<_> = vectors.iter().map(verdict).collect();
    let expected =
        EXAMPLES.map(|(title, digest, verdict)| (title.to_owned(), digest.to_owned(), verdict));
    assert_eq!(verdicts, expected);
}
