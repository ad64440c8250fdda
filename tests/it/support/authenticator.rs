//! An authenticator in software: it makes passkeys and signs, as a phone or a security key does,
//! and does it wrong where a test wants that.

use std::sync::atomic::{AtomicU32, Ordering};

use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Bits of the flags.
pub(crate) const USER_PRESENT: u8 = 0x01;
pub(crate) const USER_VERIFIED: u8 = 0x04;
pub(crate) const BACKUP_ELIGIBLE: u8 = 0x08;
pub(crate) const BACKED_UP: u8 = 0x10;
pub(crate) const HAS_CREDENTIAL: u8 = 0x40;
pub(crate) const HAS_EXTENSIONS: u8 = 0x80;

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// An authenticator with one passkey.
pub(crate) struct Authenticator {
    pub(crate) id: Vec<u8>,
    pub(crate) user_handle: Vec<u8>,
    pub(crate) rp_id: String,
    pub(crate) origin: String,
    pub(crate) flags: u8,
    /// None without a counter.
    pub(crate) counter: Option<AtomicU32>,
    /// What is behind the authenticator data, where it should not be.
    pub(crate) surplus: Vec<u8>,
    /// Members that are added to the client data.
    pub(crate) client_data: serde_json::Value,
    key: Key,
}

impl Authenticator {
    /// One of the kind that phones have: ES256, the user verified, copied to a provider.
    pub(crate) fn phone() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self::with(
            Key::Es256(key),
            USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
            None,
        )
    }

    /// One of the kind that security keys are: Ed25519, a counter, the user present alone.
    pub(crate) fn security_key() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Self::with(Key::EdDsa(key), 0, Some(AtomicU32::new(0)))
    }

    fn with(key: Key, flags: u8, counter: Option<AtomicU32>) -> Self {
        let mut id = vec![0; 16];
        getrandom::fill(&mut id).unwrap();
        Self {
            id,
            user_handle: Vec::new(),
            rp_id: "localhost".to_owned(),
            origin: "http://localhost".to_owned(),
            flags: USER_PRESENT | flags,
            counter,
            surplus: Vec::new(),
            client_data: json!({}),
            key,
        }
    }

    /// The public key, as COSE has it.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        let entries: Vec<(i64, Value)> = match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                vec![
                    (1, 2.into()),
                    (3, (-7).into()),
                    (-1, 1.into()),
                    (-2, point[1..33].to_vec().into()),
                    (-3, point[33..].to_vec().into()),
                ]
            }
            Key::EdDsa(key) => vec![
                (1, 1.into()),
                (3, (-8).into()),
                (-1, 6.into()),
                (-2, key.public_key().as_ref().to_vec().into()),
            ],
        };
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
        cbor(&Value::Map(entries.collect()))
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let mut data = json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        });
        for (name, value) in self.client_data.as_object().unwrap() {
            data[name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        let counter = self.counter.as_ref();
        let count = counter.map_or(0, |counter| counter.fetch_add(1, Ordering::Relaxed) + 1);
        let hash = Sha256::digest(&self.rp_id);
        [
            &hash[..],
            &[self.flags | flags],
            &count.to_be_bytes(),
            rest,
            &self.surplus,
        ]
        .concat()
    }

    /// Makes the passkey for the options of a registration. Returns the credential's JSON.
    pub(crate) fn register(&mut self, options: &serde_json::Value) -> String {
        self.user_handle = decode(&options["user"]["id"]);
        self.register_as("none", options["challenge"].as_str().unwrap())
    }

    /// The same with an attestation, which was not asked for.
    pub(crate) fn register_as(&self, format: &str, challenge: &str) -> String {
        let length = u16::try_from(self.id.len()).unwrap();
        let credential = [
            &[7; 16][..],
            &length.to_be_bytes(),
            &self.id,
            &self.public_key(),
        ];
        let data = self.data(HAS_CREDENTIAL, &credential.concat());
        let statement = if format == "none" {
            vec![]
        } else {
            vec![("sig".into(), vec![1, 2, 3].into())]
        };
        let attestation = cbor(&Value::Map(vec![
            ("fmt".into(), format.into()),
            ("attStmt".into(), Value::Map(statement)),
            ("authData".into(), data.into()),
        ]));
        let id = BASE64URL_NOPAD.encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON":
                    BASE64URL_NOPAD.encode(&self.client_data("webauthn.create", challenge)),
                "attestationObject": BASE64URL_NOPAD.encode(&attestation),
                "transports": ["internal", "hybrid"],
            },
        })
        .to_string()
    }

    /// Signs for the options of a login. Returns the credential's JSON.
    pub(crate) fn sign(&self, options: &serde_json::Value) -> String {
        self.sign_challenge("webauthn.get", options["challenge"].as_str().unwrap())
    }

    /// Signs a challenge, for a ceremony of that name.
    pub(crate) fn sign_challenge(&self, kind: &str, challenge: &str) -> String {
        let client_data = self.client_data(kind, challenge);
        let data = self.data(0, &[]);
        let message = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature = match &self.key {
            Key::Es256(key) => key
                .sign(&SystemRandom::new(), &message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Key::EdDsa(key) => key.sign(&message).as_ref().to_vec(),
        };
        let id = BASE64URL_NOPAD.encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(&signature),
                "userHandle": BASE64URL_NOPAD.encode(&self.user_handle),
            },
        })
        .to_string()
    }
}

fn decode(text: &serde_json::Value) -> Vec<u8> {
    BASE64URL_NOPAD
        .decode(text.as_str().unwrap().as_bytes())
        .unwrap()
}

/// Writes a value in CBOR.
pub(crate) fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}
