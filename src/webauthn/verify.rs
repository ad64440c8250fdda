//! The checks of a registration (section 7.1) and of a login (section 7.2).

use sha2::{Digest, Sha256};

use super::authenticator_data::AuthenticatorData;
use super::cbor::Map;
use super::{
    AssertionCredential, PublicKey, RegistrationCredential, RelyingParty, UserVerification,
    VerifyError,
};

/// A credential that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// The id, 1 to 1023 bytes.
    pub id: Vec<u8>,
    /// The public key, as COSE has it. [`PublicKey::parse`] takes it.
    pub public_key: Vec<u8>,
    /// The signature counter; 0 for an authenticator without one.
    pub sign_count: u32,
    /// Whether the credential may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether there is a copy.
    pub backed_up: bool,
    /// How browsers can reach the authenticator.
    pub transports: Vec<String>,
}

/// A signature that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assertion {
    /// The signature counter, which the caller compares with the last one.
    pub sign_count: u32,
    /// Whether there is a copy of the credential.
    pub backed_up: bool,
    /// Whether the authenticator has verified its user.
    pub user_verified: bool,
}

impl RegistrationCredential {
    /// Verifies a registration, but for its challenge. The attestation statement is not looked at.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, party: &RelyingParty) -> Result<NewCredential, VerifyError> {
        self.client_data.check(party)?;
        let mut rest = self.attestation.as_slice();
        let attestation = Map::read(&mut rest).ok().filter(|_| rest.is_empty());
        let attestation = attestation.ok_or(VerifyError::AuthenticatorData)?;
        let has_statement = attestation
            .named("fmt")
            .is_some_and(ciborium::Value::is_text)
            && attestation
                .named("attStmt")
                .is_some_and(ciborium::Value::is_map);
        let data = attestation
            .named("authData")
            .and_then(|data| data.as_bytes());
        let data = data.filter(|_| has_statement);
        let data = AuthenticatorData::parse(data.ok_or(VerifyError::AuthenticatorData)?)?;
        data.check(party, UserVerification::Preferred)?;
        let credential = data.credential.as_ref();
        let credential = credential.ok_or(VerifyError::AuthenticatorData)?;
        if credential.id != self.id {
            return Err(VerifyError::Credential);
        }
        PublicKey::parse(credential.public_key)?.check()?;
        Ok(NewCredential {
            id: self.id.clone(),
            public_key: credential.public_key.to_vec(),
            sign_count: data.sign_count,
            backup_eligible: data.is_backup_eligible(),
            backed_up: data.is_backed_up(),
            transports: self.transports.clone(),
        })
    }
}

impl AssertionCredential {
    /// Verifies a login with the public key that was registered, but for its challenge and its
    /// signature counter. `backup_eligible` is what the registration said: it never changes.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        party: &RelyingParty,
        verification: UserVerification,
        (public_key, backup_eligible): (&PublicKey, bool),
    ) -> Result<Assertion, VerifyError> {
        self.client_data.check(party)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        if data.credential.is_some() {
            return Err(VerifyError::AuthenticatorData);
        }
        data.check(party, verification)?;
        if data.is_backup_eligible() != backup_eligible {
            return Err(VerifyError::BackupState);
        }
        let mut message = self.authenticator_data.clone();
        message.extend(Sha256::digest(&self.client_data_json));
        public_key.verify(&message, &self.signature)?;
        Ok(Assertion {
            sign_count: data.sign_count,
            backed_up: data.is_backed_up(),
            user_verified: data.is_user_verified(),
        })
    }
}
