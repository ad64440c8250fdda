//! The client of a request.

use sha2::{Digest, Sha256};

use super::{ClientIp, DeviceId, Language, RequestId};

/// The client of a request, as far as the request describes it.
///
/// It is stored with a session, so that the owner recognizes the session; it is named in the
/// log; and rate limits count by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    address: Option<ClientIp>,
    user_agent: Option<String>,
    device: Option<DeviceId>,
    request_id: Option<RequestId>,
    language: Option<Language>,
}

impl Client {
    /// The longest stored user agent, in characters; the rest is cut off.
    pub const USER_AGENT_MAX: usize = 250;

    /// Describes a client. Control characters in the user agent are removed.
    #[must_use]
    pub fn new(address: Option<ClientIp>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(Self::USER_AGENT_MAX)
                .collect()
        });
        Self {
            address,
            user_agent,
            device: None,
            request_id: None,
            language: None,
        }
    }

    /// Adds the id in its device cookie.
    #[must_use]
    pub fn with_device(self, device: Option<DeviceId>) -> Self {
        Self { device, ..self }
    }

    /// Adds the id of its request.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<RequestId>) -> Self {
        Self { request_id, ..self }
    }

    /// Adds the language that it asks for.
    #[must_use]
    pub fn with_language(self, language: Option<Language>) -> Self {
        Self { language, ..self }
    }

    /// The language that the client asks for; none if it asks for no known one.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        self.language
    }

    /// The client's address; none for the command line and the library.
    #[must_use]
    pub fn address(&self) -> Option<ClientIp> {
        self.address
    }

    /// The id in the client's device cookie, if it sent one.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// The id of the request; none for the command line and the library.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// A digest by which a pending login recognises its client: of the device cookie and the user
    /// agent. The address is left out, because it changes when a phone leaves a network.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let device = self.device.as_ref().map(DeviceId::digest);
        let device = device.as_ref().map_or(&[][..], |device| device.as_bytes());
        let length = u8::try_from(device.len()).unwrap_or_default();
        Sha256::new()
            .chain_update("bienvenue/client/1")
            .chain_update([length])
            .chain_update(device)
            .chain_update(self.user_agent.as_deref().unwrap_or_default())
            .finalize()
            .into()
    }

    /// The `User-Agent` of the client.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}
