use super::{ClientAddress, RequestId};

/// Who is at the other end, as far as the connection tells: kept with a session so that
/// its owner recognises it, and named in the log. Nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    address: Option<ClientAddress>,
    user_agent: Option<String>,
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
            request_id: None,
        }
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

    /// The request; none for the command line and the library.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// What the client calls itself.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}
