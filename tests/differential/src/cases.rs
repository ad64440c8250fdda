//! Passkeys and logins, right ones and damaged ones.

use std::io::stdin;

use data_encoding::BASE64URL_NOPAD;
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

pub(crate) const ORIGIN: &str = "https://example.org";
pub(crate) const RP_ID: &str = "example.org";

/// A registration and a login, of which one may be damaged.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    /// What is wrong, and in which of the two.
    pub(crate) damaged: String,
    pub(crate) at: String,
    pub(crate) challenge: String,
    pub(crate) requires_verification: bool,
    /// What a browser sends.
    pub(crate) registration: String,
    pub(crate) login: String,
}

/// The cases of the script, from standard input.
pub(crate) fn of_fido2() -> Vec<Case> {
    let lines = stdin().lines().map(|line| line.unwrap());
    lines
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect()
}

struct Present {
    verified: bool,
}

#[async_trait::async_trait]
impl UserValidationMethod for Present {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Self::PasskeyItem>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck {
            presence,
            verification: verification && self.verified,
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(self.verified)
    }
}

/// A case of the crate `passkey`; in two of three, bytes of one part are changed.
pub(crate) async fn of_passkey() -> Case {
    let mut random = rand::rng();
    let verified = random.random_bool(0.5);
    let aaguid = Aaguid::new_empty();
    let store: Option<Passkey> = None;
    let mut authenticator =
        Authenticator::new(aaguid, store, Present { verified }, RustCryptoBackend);
    authenticator.set_make_credentials_with_signature_counter(random.random_bool(0.5));
    let mut client = Client::new(authenticator);
    let origin = Url::parse(ORIGIN).unwrap();
    let verification = if verified { "preferred" } else { "discouraged" };
    // Ed25519 seldom: webauthn-rs has it not.
    let algorithm = if random.random_ratio(1, 10) { -8 } else { -7 };
    let challenge = BASE64URL_NOPAD.encode(&random.random::<[u8; 32]>());
    let options: CredentialCreationOptions = serde_json::from_value(json!({"publicKey": {
        "rp": {"id": RP_ID, "name": "x"},
        "user": {"id": "AQID", "name": "bob", "displayName": "bob"},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm}],
        "authenticatorSelection": {"userVerification": verification},
    }}))
    .unwrap();
    let made = client.register(&origin, options, DefaultClientData).await;
    let mut registration = serde_json::to_value(made.unwrap()).unwrap();
    let options: CredentialRequestOptions = serde_json::from_value(json!({"publicKey": {
        "challenge": challenge,
        "rpId": RP_ID,
        "userVerification": verification,
    }}))
    .unwrap();
    let signed = client
        .authenticate(&origin, options, DefaultClientData)
        .await;
    let mut login = serde_json::to_value(signed.unwrap()).unwrap();
    let (damaged, at) = match random.random_range(0..3) {
        0 => ("nothing", "login"),
        1 => (damage(&mut registration), "registration"),
        _ => (damage(&mut login), "login"),
    };
    Case {
        damaged: damaged.to_owned(),
        at: at.to_owned(),
        challenge,
        requires_verification: verified && random.random_bool(0.5),
        registration: registration.to_string(),
        login: login.to_string(),
    }
}

/// Changes a byte of a part of a credential. Returns the name of the part.
fn damage(credential: &mut Value) -> &'static str {
    const PARTS: [&str; 4] = [
        "clientDataJSON",
        "attestationObject",
        "authenticatorData",
        "signature",
    ];
    let mut random = rand::rng();
    let response = &mut credential["response"];
    let has = |part: &&&str| response[**part].is_string();
    let parts: Vec<&'static str> = PARTS.iter().filter(has).copied().collect();
    assert!(!parts.is_empty(), "{response}");
    let part = parts[random.random_range(0..parts.len())];
    let text = response[part].as_str().unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..4) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, random.random()),
        _ => {
            bytes.remove(at);
        }
    }
    response[part] = json!(BASE64URL_NOPAD.encode(&bytes));
    part
}
