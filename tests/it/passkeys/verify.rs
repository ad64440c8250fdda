//! The verifier: what it accepts from a software authenticator, and what it refuses.

use bienvenue::webauthn::{
    AssertionCredential, NewCredential, PublicKey, RegistrationCredential, RelyingParty,
    UserVerification, VerifyError,
};
use data_encoding::BASE64URL_NOPAD;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::authenticator::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, HAS_EXTENSIONS, USER_PRESENT, USER_VERIFIED,
};

fn party() -> RelyingParty {
    RelyingParty::new("http://localhost", "localhost").unwrap()
}

fn challenge() -> String {
    BASE64URL_NOPAD.encode(&[5; 32])
}

fn register(authenticator: &Authenticator) -> Result<NewCredential, VerifyError> {
    register_text(&authenticator.register_as("none", &challenge()))
}

fn register_text(text: &str) -> Result<NewCredential, VerifyError> {
    let credential = RegistrationCredential::parse(text)?;
    assert_eq!(credential.challenge(), [5; 32]);
    credential.verify(&party())
}

fn log_in(new: &NewCredential, text: &str) -> Result<u32, VerifyError> {
    let key = PublicKey::parse(&new.public_key)?;
    let credential = AssertionCredential::parse(text)?;
    let required = UserVerification::Preferred;
    let verified = credential.verify(&party(), required, (&key, new.backup_eligible));
    verified.map(|assertion| assertion.sign_count)
}

fn sign(authenticator: &Authenticator) -> String {
    authenticator.sign_challenge("webauthn.get", &challenge())
}

#[rstest]
#[case(Authenticator::phone())]
#[case(Authenticator::security_key())]
fn what_an_authenticator_makes_is_accepted(#[case] authenticator: Authenticator) {
    let new = register(&authenticator).unwrap();
    assert_eq!(new.id, authenticator.id);
    assert_eq!(new.public_key, authenticator.public_key());
    assert_eq!(new.transports, ["internal", "hybrid"]);
    let expected = if authenticator.counter.is_some() {
        2
    } else {
        0
    };
    assert_eq!(log_in(&new, &sign(&authenticator)), Ok(expected));
}

#[test]
fn attestation_is_ignored() {
    let phone = Authenticator::phone();
    for format in ["packed", "fido-u2f", "tpm", "anything"] {
        assert!(register_text(&phone.register_as(format, &challenge())).is_ok());
    }
}

/// Changes an authenticator in one way.
type Change = fn(&mut Authenticator);

#[rstest]
#[case::origin(|a: &mut Authenticator| a.origin = "http://localhost:1".into(), VerifyError::Origin)]
#[case::longer_origin(|a: &mut Authenticator| a.origin += ".x.fr", VerifyError::Origin)]
#[case::frame(|a: &mut Authenticator| a.client_data = json!({"crossOrigin": true}), VerifyError::Origin)]
#[case::top_origin(|a: &mut Authenticator| a.client_data = json!({"topOrigin": "http://localhost"}), VerifyError::Origin)]
#[case::rp_id(|a: &mut Authenticator| a.rp_id = "x.localhost".into(), VerifyError::RelyingParty)]
#[case::user_absent(|a: &mut Authenticator| a.flags &= !USER_PRESENT, VerifyError::UserPresence)]
#[case::backup(|a: &mut Authenticator| a.flags &= !BACKUP_ELIGIBLE, VerifyError::BackupState)]
#[case::surplus(|a: &mut Authenticator| a.surplus = vec![0xa0], VerifyError::AuthenticatorData)]
#[case::no_extensions(|a: &mut Authenticator| a.flags |= HAS_EXTENSIONS, VerifyError::AuthenticatorData)]
#[case::type_twice(|a: &mut Authenticator| a.client_data = json!({"type": "payment.get"}), VerifyError::Type)]
#[case::short_challenge(|a: &mut Authenticator| a.client_data = json!({"challenge": "AAAA"}), VerifyError::ClientData)]
fn what_was_made_for_another_place_is_refused(#[case] change: Change, #[case] error: VerifyError) {
    let mut phone = Authenticator::phone();
    let new = register(&phone).unwrap();
    change(&mut phone);
    assert_eq!(register(&phone).unwrap_err(), error, "registration");
    assert_eq!(log_in(&new, &sign(&phone)), Err(error), "login");
}

#[test]
fn extensions_are_a_map_and_nothing_follows() {
    let mut phone = Authenticator::phone();
    phone.flags |= HAS_EXTENSIONS;
    phone.surplus = vec![0xa1, 0x61, b'x', 0x01];
    let new = register(&phone).unwrap();
    assert_eq!(log_in(&new, &sign(&phone)), Ok(0));
    phone.surplus.push(0);
    assert_eq!(register(&phone), Err(VerifyError::AuthenticatorData));
    phone.surplus = vec![0x01];
    assert_eq!(register(&phone), Err(VerifyError::AuthenticatorData));
}

#[test]
fn ceremonies_are_not_confused() {
    let phone = Authenticator::phone();
    let new = register(&phone).unwrap();
    let text = phone.sign_challenge("webauthn.create", &challenge());
    assert_eq!(log_in(&new, &text), Err(VerifyError::Type));
    let text = sign(&phone);
    assert!(RegistrationCredential::parse(&text).is_err());
}

#[test]
fn user_verification_is_required_where_asked_for() {
    let mut phone = Authenticator::phone();
    let new = register(&phone).unwrap();
    let key = PublicKey::parse(&new.public_key).unwrap();
    let verify = |text: &str, verification| {
        let credential = AssertionCredential::parse(text).unwrap();
        credential.verify(&party(), verification, (&key, true))
    };
    assert!(
        verify(&sign(&phone), UserVerification::Required)
            .unwrap()
            .user_verified
    );
    phone.flags &= !USER_VERIFIED;
    let unverified = sign(&phone);
    let refused = verify(&unverified, UserVerification::Required);
    assert_eq!(refused, Err(VerifyError::UserVerification));
    assert!(
        !verify(&unverified, UserVerification::Preferred)
            .unwrap()
            .user_verified
    );
}

#[test]
fn backup_eligibility_never_changes() {
    let mut phone = Authenticator::phone();
    let new = register(&phone).unwrap();
    phone.flags &= !BACKED_UP;
    assert_eq!(log_in(&new, &sign(&phone)), Ok(0), "the copy may go");
    phone.flags &= !BACKUP_ELIGIBLE;
    assert_eq!(log_in(&new, &sign(&phone)), Err(VerifyError::BackupState));
}

/// Replaces a member of a credential's response by bytes.
fn replaced(text: &str, member: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut credential: Value = serde_json::from_str(text).unwrap();
    let member = &mut credential["response"][member];
    let mut bytes = BASE64URL_NOPAD
        .decode(member.as_str().unwrap().as_bytes())
        .unwrap();
    change(&mut bytes);
    *member = json!(BASE64URL_NOPAD.encode(&bytes));
    credential.to_string()
}

#[rstest]
#[case(Authenticator::phone())]
#[case(Authenticator::security_key())]
fn each_changed_bit_of_a_login_is_refused(#[case] authenticator: Authenticator) {
    let new = register(&authenticator).unwrap();
    let text = sign(&authenticator);
    for member in ["signature", "authenticatorData", "clientDataJSON"] {
        let mut length = 0;
        replaced(&text, member, |bytes| length = bytes.len());
        for at in 0..length {
            let changed = replaced(&text, member, |bytes| bytes[at] ^= 1);
            assert!(log_in(&new, &changed).is_err(), "{member} {at}");
            let cut = replaced(&text, member, |bytes| bytes.truncate(at));
            assert!(log_in(&new, &cut).is_err(), "{member} cut at {at}");
        }
    }
    assert!(log_in(&new, &text).is_ok());
}

#[test]
fn registration_cut_anywhere_is_refused() {
    let text = register_parts();
    let mut length = 0;
    replaced(&text, "attestationObject", |bytes| length = bytes.len());
    for at in 0..length {
        let cut = replaced(&text, "attestationObject", |bytes| bytes.truncate(at));
        assert!(register_text(&cut).is_err(), "cut at {at}");
    }
    let longer = replaced(&text, "attestationObject", |bytes| bytes.push(0));
    assert_eq!(register_text(&longer), Err(VerifyError::AuthenticatorData));
}

/// The coordinates are the last members of the last member.
#[test]
fn key_that_is_no_point_is_not_registered() {
    let text = register_parts();
    assert!(register_text(&text).is_ok());
    let off = replaced(&text, "attestationObject", |bytes| {
        *bytes.last_mut().unwrap() ^= 1;
    });
    assert_eq!(register_text(&off), Err(VerifyError::PublicKey));
    let infinity = replaced(&text, "attestationObject", |bytes| {
        let end = bytes.len();
        bytes[end - 67..end - 35].fill(0);
        bytes[end - 32..].fill(0);
    });
    assert_eq!(register_text(&infinity), Err(VerifyError::PublicKey));
}

fn register_parts() -> String {
    Authenticator::phone().register_as("none", &challenge())
}

#[test]
fn signature_of_another_key_is_refused() {
    let (one, mut other) = (Authenticator::phone(), Authenticator::phone());
    let new = register(&one).unwrap();
    other.id.clone_from(&one.id);
    assert_eq!(log_in(&new, &sign(&other)), Err(VerifyError::Signature));
    let mut key = Authenticator::security_key();
    key.flags = one.flags;
    assert_eq!(log_in(&new, &sign(&key)), Err(VerifyError::Signature));
}

#[test]
fn credential_id_has_1_to_1023_bytes() {
    let mut phone = Authenticator::phone();
    for (length, accepted) in [(0, false), (1, true), (1023, true), (1024, false)] {
        phone.id = vec![3; length];
        assert_eq!(register(&phone).is_ok(), accepted, "{length}");
    }
    // The id beside the attestation is the one in it.
    let mut credential: Value = serde_json::from_str(&register_parts()).unwrap();
    for name in ["id", "rawId"] {
        credential[name] = json!("AAAA");
    }
    let other = register_text(&credential.to_string());
    assert_eq!(other, Err(VerifyError::Credential));
}

#[test]
fn only_the_allowed_keys_are_accepted() {
    use crate::support::authenticator::cbor;
    use ciborium::Value as Cbor;
    let key = |entries: &[(i64, Cbor)]| {
        let entries = entries
            .iter()
            .map(|(key, value)| ((*key).into(), value.clone()));
        PublicKey::parse(&cbor(&Cbor::Map(entries.collect()))).is_ok()
    };
    let bytes = |length: usize| Cbor::from(vec![0xc1; length]);
    let es256 = |alg: i64, curve: i64, x: usize| {
        key(&[
            (1, 2.into()),
            (3, alg.into()),
            (-1, curve.into()),
            (-2, bytes(x)),
            (-3, bytes(32)),
        ])
    };
    assert!(es256(-7, 1, 32));
    assert!(!es256(-7, 2, 32), "P-384");
    assert!(!es256(-35, 1, 32), "ES384");
    assert!(!es256(-7, 1, 31));
    let rs256 = |n: Cbor, e: Cbor| key(&[(1, 3.into()), (3, (-257).into()), (-1, n), (-2, e)]);
    let exponent = || Cbor::from(vec![1, 0, 1]);
    assert!(rs256(bytes(256), exponent()));
    assert!(!rs256(bytes(128), exponent()), "1024 bits");
    assert!(!rs256(bytes(513), exponent()), "more than 4096 bits");
    assert!(!rs256(Cbor::from(vec![0xc2; 256]), exponent()), "even");
    assert!(!rs256(bytes(256), Cbor::from(vec![0, 1, 0, 1])));
    assert!(!rs256(bytes(256), bytes(5)));
    for exponent in [vec![1], vec![1, 0, 0], vec![2]] {
        assert!(!rs256(bytes(256), exponent.clone().into()), "{exponent:?}");
    }
    let eddsa = |length| {
        key(&[
            (1, 1.into()),
            (3, (-8).into()),
            (-1, 6.into()),
            (-2, bytes(length)),
        ])
    };
    assert!(eddsa(32));
    assert!(!eddsa(57), "Ed448");
}
