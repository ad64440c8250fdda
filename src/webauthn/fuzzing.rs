//! The body of the fuzz target `passkey`. It panics if a rule is broken.

use super::authenticator_data::AuthenticatorData;
use super::{
    AssertionCredential, CREDENTIAL_ID_MAX, PublicKey, RegistrationCredential, RelyingParty,
    UserVerification,
};

/// Parses a credential of either kind, authenticator data and a public key, and checks that
/// nothing that anybody may send is accepted as a login.
pub fn passkey(input: &[u8]) {
    if let Ok(data) = AuthenticatorData::parse(input)
        && let Some(credential) = &data.credential
    {
        assert!((1..=CREDENTIAL_ID_MAX).contains(&credential.id.len()));
        assert!(credential.public_key.len() < input.len());
    }
    let key = PublicKey::parse(input);
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(party) = RelyingParty::new("https://example.org", "example.org") else {
        return;
    };
    if let Ok(credential) = RegistrationCredential::parse(text)
        && let Ok(new) = credential.verify(&party)
    {
        assert!(PublicKey::parse(&new.public_key).is_ok(), "a key is lost");
        assert!(new.backup_eligible || !new.backed_up, "the flags differ");
    }
    if let Ok(credential) = AssertionCredential::parse(text) {
        let key = key.unwrap_or(PublicKey::EdDsa([9; 32]));
        let verified = credential.verify(&party, UserVerification::Required, (&key, false));
        assert!(verified.is_err(), "a login without a private key");
    }
}
