use sha2::{Digest, Sha256};

use super::{ClientAddress, DeviceId, RequestId};

/// Who is at the other end, as far as the request tells: kept with a session so that its
/// owner recognises it, named in the log, and counted by where passwords are guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    address: Option<ClientAddress>,
    user_agent: Option<String>,
    device: Option<DeviceId>,
    request_id: Option<RequestId>,
}

impl Client {
    /// The longest user agent that is kept, in characters; the rest is cut.
    pub const USER_AGENT_MAX: usize = 250;

    /// Describes a client. Control characters in the user agent are left out.
    #[must_use]
    pub fn new(address: Option<ClientAddress>, user_agent: Option<&str>) -> Self {
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
        }
    }

    /// The same client, which shows that it has logged in before.
    #[must_use]
    pub fn with_device(self, device: Option<DeviceId>) -> Self {
        Self { device, ..self }
    }

    /// The same client with the request that it made.
    #[must_use]
    pub fn asking(self, request_id: Option<RequestId>) -> Self {
        Self { request_id, ..self }
    }

    /// The address the client came from; none for the command line and the library.
    #[must_use]
    pub fn address(&self) -> Option<ClientAddress> {
        self.address
    }

    /// What the client was given at an earlier login, if it shows it.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// The request; none for the command line and the library.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// A digest of what a client shows that goes on with a login: its device cookie and what it
    /// calls itself. The address is no part of it, as it changes when a phone leaves a network.
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

    /// What the client calls itself.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}
