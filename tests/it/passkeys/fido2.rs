//! The verifier beside an independent one: python-fido2 makes thousands of passkeys and logins,
//! right and wrong ones, and both say which of them they accept.

use std::collections::BTreeMap;

use bienvenue::webauthn::{
    AssertionCredential, NewCredential, PublicKey, RegistrationCredential, RelyingParty,
    UserVerification, VerifyError,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::made_by_python;

const CASES: usize = 3000;

/// A registration and a login, of which one may be damaged.
#[derive(Debug, Deserialize)]
struct Case {
    /// What is wrong, and in which of the two.
    damaged: String,
    at: String,
    challenge: String,
    requires_verification: bool,
    /// What a browser sends.
    registration: String,
    login: String,
    /// What python-fido2 has read; none if it refuses.
    registered: Option<Registered>,
    logged_in: Option<LoggedIn>,
}

#[derive(Debug, Deserialize)]
struct Registered {
    id: String,
    count: u32,
    flags: u8,
}

#[derive(Debug, Deserialize)]
struct LoggedIn {
    count: u32,
    flags: u8,
}

impl Case {
    /// Refuses the challenge as the service does, which looks it up.
    fn is_asked(&self, challenge: [u8; 32]) -> Result<(), VerifyError> {
        let is_same = BASE64URL_NOPAD.encode(&challenge) == self.challenge;
        is_same.then_some(()).ok_or(VerifyError::ClientData)
    }

    fn register(&self, party: &RelyingParty) -> Result<NewCredential, VerifyError> {
        let credential = RegistrationCredential::parse(&self.registration)?;
        self.is_asked(credential.challenge())?;
        credential.verify(party)
    }

    /// Logs in with what was registered: the count, and whether a user was verified.
    fn log_in(
        &self,
        party: &RelyingParty,
        known: &NewCredential,
    ) -> Result<(u32, bool, bool), VerifyError> {
        let credential = AssertionCredential::parse(&self.login)?;
        self.is_asked(credential.challenge())?;
        if credential.id() != known.id {
            return Err(VerifyError::Credential);
        }
        let verification = if self.requires_verification {
            UserVerification::Required
        } else {
            UserVerification::Preferred
        };
        let key = PublicKey::parse(&known.public_key)?;
        let key = (&key, known.backup_eligible);
        let assertion = credential.verify(party, verification, key)?;
        let flags = (assertion.user_verified, assertion.backed_up);
        Ok((assertion.sign_count, flags.0, flags.1))
    }

    /// Whether this refusal of ours is wanted, although python-fido2 accepts.
    fn is_stricter(&self, error: VerifyError) -> bool {
        let known = match self.damaged.as_str() {
            // python-fido2 0.9 checks neither frames nor the backup flags, which came with Level 2
            // and 3; it accepts all subdomains and ports of a relying party.
            "frame" | "top_origin" | "subdomain" | "port" => VerifyError::Origin,
            "backed_up_only" | "eligibility" => VerifyError::BackupState,
            // Python's JSON takes the last member of a name.
            "member_twice" => VerifyError::ClientData,
            // The id beside the attestation is left to its caller.
            "other_id" => VerifyError::Credential,
            // It looks at a key at the first login, and not at its type.
            "algorithm_of_key" | "pss" | "curve" | "key_type" | "short_x" | "point" => {
                VerifyError::PublicKey
            }
            // Nothing of a registration is signed without an attestation, and its CBOR is read
            // leniently.
            "bytes" => return self.at == "registration",
            _ => return false,
        };
        error == known
    }
}

const VERIFIED: u8 = 0x04;
const ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;

#[test]
fn verifier_and_python_fido2_agree() {
    let Some(cases) = made_by_python::<Case>(include_str!("fido2_cases.py"), &[&CASES.to_string()])
    else {
        return;
    };
    assert_eq!(cases.len(), CASES);
    let party = RelyingParty::new("https://example.org", "example.org").unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for case in &cases {
        let new = case.register(&party);
        let verdict = match (&new, &case.registered) {
            (Ok(new), Some(theirs)) => {
                assert_eq!(BASE64URL_NOPAD.encode(&new.id), theirs.id, "{case:?}");
                assert_eq!(new.sign_count, theirs.count, "{case:?}");
                let flags = (theirs.flags & ELIGIBLE != 0, theirs.flags & BACKED_UP != 0);
                assert_eq!((new.backup_eligible, new.backed_up), flags, "{case:?}");
                match (case.log_in(&party, new), &case.logged_in) {
                    (Ok(ours), Some(theirs)) => {
                        let flags = (theirs.flags & VERIFIED != 0, theirs.flags & BACKED_UP != 0);
                        assert_eq!(ours, (theirs.count, flags.0, flags.1), "{case:?}");
                        "both accept"
                    }
                    (Err(_), None) => "both refuse the login",
                    (Err(error), Some(_)) if case.is_stricter(error) => "stricter at the login",
                    (ours, _) => panic!("login: {ours:?}, {case:?}"),
                }
            }
            (Err(_), None) => "both refuse the registration",
            (Err(error), Some(_)) if case.is_stricter(*error) => "stricter at the registration",
            (ours, _) => panic!("registration: {ours:?}, {case:?}"),
        };
        *seen.entry(verdict.to_owned()).or_default() += 1;
        if verdict == "both accept" {
            let is_harmless = ["nothing", "negative_s", "point", "bytes"];
            assert!(is_harmless.contains(&case.damaged.as_str()), "{case:?}");
        }
    }
    println!("{seen:?}");
    for (verdict, least) in [
        ("both accept", CASES / 10),
        ("both refuse the login", CASES / 10),
        ("both refuse the registration", CASES / 20),
        ("stricter at the login", CASES / 40),
        ("stricter at the registration", CASES / 40),
    ] {
        assert!(
            seen.get(verdict).is_some_and(|count| *count >= least),
            "{seen:?}"
        );
    }
}
