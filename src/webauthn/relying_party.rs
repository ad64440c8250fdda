//! The relying party: the host for which passkeys are made.

use sha2::{Digest, Sha256};

/// The host of a service, and the origin of its pages. A passkey is of use on this host alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// The relying party of an origin, such as `https://login.example.org`, whose host is given
    /// beside it. None where browsers offer no passkeys: at an IP address, and over http on any
    /// host but `localhost`.
    #[must_use]
    pub fn new(origin: &str, host: &str) -> Option<Self> {
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_address = host.starts_with('[')
            || last.is_empty()
            || last.bytes().all(|byte| byte.is_ascii_digit())
            || last.starts_with("0x");
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let is_secure = origin.starts_with("https://") || is_local;
        (is_secure && !is_address).then(|| Self {
            id: host.to_owned(),
            origin: origin.to_owned(),
        })
    }

    /// The host, for which browsers keep the passkeys.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origin of the pages on which passkeys are used.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What an authenticator signs of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_over_https_and_localhost_have_passkeys() {
        for (origin, host, has) in [
            ("https://login.example.org", "login.example.org", true),
            ("https://login.example.org:8443", "login.example.org", true),
            ("http://localhost:5000", "localhost", true),
            ("http://a.localhost", "a.localhost", true),
            ("http://login.example.org", "login.example.org", false),
            ("https://192.0.2.1", "192.0.2.1", false),
            ("http://127.0.0.1:5000", "127.0.0.1", false),
            ("https://[2001:db8::1]", "[2001:db8::1]", false),
        ] {
            let party = RelyingParty::new(origin, host);
            assert_eq!(party.is_some(), has, "{origin}");
        }
    }
}
