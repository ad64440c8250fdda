//! Compares the verifier of passkeys with `webauthn-rs-core`.
//!
//! Reads the cases of `tests/it/passkeys/fido2_cases.py` from standard input, a line of JSON each,
//! then makes as many with the crate `passkey` and damages bytes of them. Both verifiers say which
//! of them they accept. Ends with a panic at a difference that is not known, else prints how often
//! each outcome was seen.

mod cases;
mod peer;
#[allow(dead_code, unused_imports, reason = "the service uses all of it")]
#[path = "../../../src/webauthn/mod.rs"]
mod webauthn;

use std::collections::BTreeMap;

use cases::Case;
use peer::Peer;
use webauthn::{
    AssertionCredential, NewCredential, PublicKey, RegistrationCredential, RelyingParty,
    UserVerification, VerifyError,
};

fn register(case: &Case, party: &RelyingParty) -> Result<NewCredential, VerifyError> {
    let credential = RegistrationCredential::parse(&case.registration)?;
    asked(case, credential.challenge())?;
    credential.verify(party)
}

fn log_in(case: &Case, party: &RelyingParty, known: &NewCredential) -> Result<(), String> {
    let logged_in = || {
        let credential = AssertionCredential::parse(&case.login)?;
        asked(case, credential.challenge())?;
        if credential.id() != known.id {
            return Err(VerifyError::Credential);
        }
        let verification = if case.requires_verification {
            UserVerification::Required
        } else {
            UserVerification::Preferred
        };
        let key = PublicKey::parse(&known.public_key)?;
        credential.verify(party, verification, (&key, known.backup_eligible))
    };
    let assertion = logged_in().map_err(|error| error.reason().to_owned())?;
    // As the statement does that records the use of a passkey.
    if known.sign_count < assertion.sign_count.max(1) {
        Ok(())
    } else {
        Err("counter".to_owned())
    }
}

/// Refuses another challenge, as the service does, which looks it up.
fn asked(case: &Case, challenge: [u8; 32]) -> Result<(), VerifyError> {
    let text = data_encoding::BASE64URL_NOPAD.encode(&challenge);
    (text == case.challenge)
        .then_some(())
        .ok_or(VerifyError::ClientData)
}

/// Compares the verdicts over a case, and names the outcome.
fn compare(case: &Case, party: &RelyingParty, peer: &Peer) -> String {
    let damaged = format!("{} of the {}", case.damaged, case.at);
    let theirs = peer.register(case);
    let (new, theirs) = match (register(case, party), theirs) {
        (Ok(new), Ok(theirs)) => (new, theirs),
        (Err(_), Err(_)) => return "both refuse the registration".to_owned(),
        (Err(error), Ok(_)) => {
            return format!(
                "stricter at the registration: {damaged}: {}",
                error.reason()
            );
        }
        (Ok(_), Err(error)) => return lenient(case, "registration", &error),
    };
    assert_eq!(new.id, theirs.cred_id.as_slice(), "{case:?}");
    assert_eq!(new.sign_count, theirs.counter, "{case:?}");
    let backup = (theirs.backup_eligible, theirs.backup_state);
    assert_eq!((new.backup_eligible, new.backed_up), backup, "{case:?}");
    match (log_in(case, party, &new), peer.log_in(case, theirs)) {
        (Ok(()), Ok(())) => "both accept".to_owned(),
        (Err(_), Err(_)) => "both refuse the login".to_owned(),
        (Err(error), Ok(())) => format!("stricter at the login: {damaged}: {error}"),
        (Ok(()), Err(error)) => lenient(case, "login", &error),
    }
}

/// Names an outcome in which our verifier accepts more.
fn lenient(case: &Case, at: &str, error: &str) -> String {
    match (case.damaged.as_str(), error) {
        (_, "SshPublicKeyEDUnsupported") => "webauthn-rs has no Ed25519".to_owned(),
        ("bytes" | "attestationObject", "AttestationNotSupported") => {
            "webauthn-rs refuses an unknown format of attestation".to_owned()
        }
        (_, "UserNotVerified") if !case.requires_verification => {
            "webauthn-rs always asks for a user who was verified once".to_owned()
        }
        (damaged, error) => format!("LENIENT at the {at}: {damaged} of the {}: {error}", case.at),
    }
}

fn main() {
    let party = RelyingParty::new(cases::ORIGIN, cases::RP_ID).unwrap();
    let peer = Peer::new();
    let read = cases::of_fido2();
    let mut seen: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for case in &read {
        let outcome = compare(case, &party, &peer);
        *seen.entry(("python-fido2", outcome)).or_default() += 1;
    }
    for _ in 0..read.len() {
        let case = pollster::block_on(cases::of_passkey());
        let outcome = compare(&case, &party, &peer);
        *seen.entry(("passkey", outcome)).or_default() += 1;
    }
    for ((source, outcome), count) in &seen {
        println!("{count:6} {source}: {outcome}");
    }
    assert!(!read.is_empty(), "no case on standard input");
    let is_lenient = |outcome: &String| outcome.starts_with("LENIENT");
    assert!(!seen.keys().any(|(_, outcome)| is_lenient(outcome)));
}
