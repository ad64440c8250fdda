//! `webauthn-rs-core`, asked with challenges of a case.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AuthenticationState, COSEAlgorithm, Credential, PublicKeyCredential,
    RegisterPublicKeyCredential, RegistrationState, UserVerificationPolicy,
};

use crate::cases::{Case, ORIGIN, RP_ID};

pub(crate) struct Peer(WebauthnCore);

impl Peer {
    pub(crate) fn new() -> Self {
        let origins = vec![Url::parse(ORIGIN).unwrap()];
        let timeout = Duration::from_secs(60);
        Self(WebauthnCore::new_unsafe_experts_only(
            "x", RP_ID, origins, timeout, None, None,
        ))
    }

    pub(crate) fn register(&self, case: &Case) -> Result<Credential, String> {
        let algorithms = vec![
            COSEAlgorithm::ES256,
            COSEAlgorithm::EDDSA,
            COSEAlgorithm::RS256,
        ];
        let builder = self.0.new_challenge_register_builder(b"1", "bob", "bob");
        let builder = builder.unwrap().credential_algorithms(algorithms);
        let builder = builder.user_verification_policy(UserVerificationPolicy::Preferred);
        let (_, state) = self.0.generate_challenge_register(builder).unwrap();
        let state: RegistrationState = with_challenge(&state, &case.challenge);
        let credential: RegisterPublicKeyCredential = parse(&case.registration)?;
        self.0
            .register_credential(&credential, &state, None)
            .map_err(text)
    }

    pub(crate) fn log_in(&self, case: &Case, known: Credential) -> Result<(), String> {
        let policy = if case.requires_verification {
            UserVerificationPolicy::Required
        } else {
            UserVerificationPolicy::Preferred
        };
        let builder = self
            .0
            .new_challenge_authenticate_builder(vec![known], Some(policy));
        let (_, state) = self
            .0
            .generate_challenge_authenticate(builder.unwrap())
            .unwrap();
        let state: AuthenticationState = with_challenge(&state, &case.challenge);
        let credential: PublicKeyCredential = parse(&case.login)?;
        let verified = self.0.authenticate_credential(&credential, &state);
        verified.map(|_| ()).map_err(text)
    }
}

/// The state of a ceremony with another challenge.
fn with_challenge<S: serde::Serialize + serde::de::DeserializeOwned>(
    state: &S,
    challenge: &str,
) -> S {
    let mut state: Value = serde_json::to_value(state).unwrap();
    state["challenge"] = json!(challenge);
    serde_json::from_value(state).unwrap()
}

fn parse<C: serde::de::DeserializeOwned>(credential: &str) -> Result<C, String> {
    let mut credential: Value = serde_json::from_str(credential).map_err(text)?;
    // A browser sends it, and the crate demands it.
    if credential.get("clientExtensionResults").is_none() {
        credential["extensions"] = json!({});
    }
    serde_json::from_value(credential).map_err(text)
}

fn text(error: impl Debug) -> String {
    format!("{error:?}")
}
