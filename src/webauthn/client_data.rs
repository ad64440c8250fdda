//! The client data: what the browser says about the page that asked (section 5.8.1).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::{CHALLENGE_LENGTH, RelyingParty, VerifyError};

/// The ceremony in which a credential was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Registration,
    Assertion,
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

/// The client data, as far as it matters. Browsers may add further members.
#[derive(Debug, Clone)]
pub(super) struct ClientData {
    pub(super) challenge: [u8; CHALLENGE_LENGTH],
    origin: String,
    cross_origin: bool,
    has_top_origin: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

impl ClientData {
    /// Parses the JSON of a ceremony.
    pub(super) fn parse(json: &[u8], ceremony: Ceremony) -> Result<Self, VerifyError> {
        // From bytes, serde_json would not look at texts that are not used.
        let json = str::from_utf8(json).or(Err(VerifyError::ClientData))?;
        let data: Json = serde_json::from_str(json).or(Err(VerifyError::ClientData))?;
        if data.r#type != ceremony.name() {
            return Err(VerifyError::Type);
        }
        let challenge = BASE64URL_NOPAD.decode(data.challenge.as_bytes()).ok();
        let challenge = challenge.and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            challenge: challenge.ok_or(VerifyError::ClientData)?,
            origin: data.origin,
            cross_origin: data.cross_origin == Some(true),
            has_top_origin: data.top_origin.is_some(),
        })
    }

    /// Checks that a page of the relying party asked, which was not in a frame of another one.
    pub(super) fn check(&self, party: &RelyingParty) -> Result<(), VerifyError> {
        if self.origin != party.origin() || self.cross_origin || self.has_top_origin {
            return Err(VerifyError::Origin);
        }
        Ok(())
    }
}
