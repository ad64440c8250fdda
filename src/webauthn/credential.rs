//! Credentials as browsers write them: the JSON of `PublicKeyCredential.toJSON()` (section 5.1).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::client_data::{Ceremony, ClientData};
use super::{CHALLENGE_LENGTH, CREDENTIAL_ID_MAX, VerifyError};

/// The longest parts, in bytes.
const CLIENT_DATA_MAX: usize = 4096;
const ATTESTATION_MAX: usize = 8192;
const AUTHENTICATOR_DATA_MAX: usize = 4096;
const SIGNATURE_MAX: usize = 1024;
const USER_HANDLE_MAX: usize = 64;

/// How many ways to reach an authenticator are kept, and the longest name of one.
const TRANSPORTS: usize = 8;
const TRANSPORT_MAX: usize = 16;

/// What a browser returns for a registration.
#[derive(Debug, Clone)]
pub struct RegistrationCredential {
    pub(super) id: Vec<u8>,
    pub(super) client_data: ClientData,
    pub(super) attestation: Vec<u8>,
    pub(super) transports: Vec<String>,
}

/// What a browser returns for a login.
#[derive(Debug, Clone)]
pub struct AssertionCredential {
    pub(super) id: Vec<u8>,
    pub(super) client_data: ClientData,
    /// The bytes of the client data, whose digest is signed.
    pub(super) client_data_json: Vec<u8>,
    pub(super) authenticator_data: Vec<u8>,
    pub(super) signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json<R> {
    id: String,
    raw_id: String,
    r#type: String,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

impl<R: for<'de> Deserialize<'de>> Json<R> {
    fn parse(text: &str) -> Result<Self, VerifyError> {
        let json: Self = serde_json::from_str(text).or(Err(VerifyError::Credential))?;
        if json.id != json.raw_id || json.r#type != "public-key" {
            return Err(VerifyError::Credential);
        }
        Ok(json)
    }
}

/// Decodes a part that is not empty.
fn decode(text: &str, longest: usize) -> Result<Vec<u8>, VerifyError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    let bytes = bytes.filter(|bytes| (1..=longest).contains(&bytes.len()));
    bytes.ok_or(VerifyError::Credential)
}

impl RegistrationCredential {
    /// Parses the JSON of a registration.
    ///
    /// # Errors
    /// [`VerifyError::Credential`], [`VerifyError::ClientData`] or [`VerifyError::Type`].
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let json: Json<AttestationJson> = Json::parse(text)?;
        let client_data = decode(&json.response.client_data, CLIENT_DATA_MAX)?;
        let is_name = |name: &String| {
            (1..=TRANSPORT_MAX).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        let transports = json.response.transports.into_iter().filter(is_name);
        Ok(Self {
            id: decode(&json.id, CREDENTIAL_ID_MAX)?,
            client_data: ClientData::parse(&client_data, Ceremony::Registration)?,
            attestation: decode(&json.response.attestation_object, ATTESTATION_MAX)?,
            transports: transports.take(TRANSPORTS).collect(),
        })
    }

    /// The challenge that it answers, which the caller has to look up.
    #[must_use]
    pub fn challenge(&self) -> [u8; CHALLENGE_LENGTH] {
        self.client_data.challenge
    }
}

impl AssertionCredential {
    /// Parses the JSON of a login.
    ///
    /// # Errors
    /// [`VerifyError::Credential`], [`VerifyError::ClientData`] or [`VerifyError::Type`].
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let json: Json<AssertionJson> = Json::parse(text)?;
        let response = json.response;
        let client_data_json = decode(&response.client_data, CLIENT_DATA_MAX)?;
        let user_handle = response.user_handle.filter(|handle| !handle.is_empty());
        let user_handle = user_handle.map(|handle| decode(&handle, USER_HANDLE_MAX));
        Ok(Self {
            id: decode(&json.id, CREDENTIAL_ID_MAX)?,
            client_data: ClientData::parse(&client_data_json, Ceremony::Assertion)?,
            client_data_json,
            authenticator_data: decode(&response.authenticator_data, AUTHENTICATOR_DATA_MAX)?,
            signature: decode(&response.signature, SIGNATURE_MAX)?,
            user_handle: user_handle.transpose()?,
        })
    }

    /// The id of the credential, by which the caller looks up its public key.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// The challenge that it answers, which the caller has to look up.
    #[must_use]
    pub fn challenge(&self) -> [u8; CHALLENGE_LENGTH] {
        self.client_data.challenge
    }

    /// The user whom the authenticator names, if it does.
    #[must_use]
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }
}
