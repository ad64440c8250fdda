//! Rate limits by a client's network and subnet.

use super::ThrottleSettings;
use crate::db::LimitCheck;
use crate::domain::{Client, Limit, LimitKey};

/// Two limits of the same requests: one for the network of a client, one for its subnet.
pub(in crate::auth) struct IpLimits {
    network: Limit,
    subnet: Limit,
}

/// The limits of a login by an unknown client, and of a wrong token.
pub(in crate::auth) const LOGIN_IP_LIMITS: IpLimits = IpLimits {
    network: Limit::Address,
    subnet: Limit::Subnet,
};

/// The limits of a registration.
pub(in crate::auth) const REGISTRATION_IP_LIMITS: IpLimits = IpLimits {
    network: Limit::Registration,
    subnet: Limit::RegistrationSubnet,
};

/// The limits of a request for a mail with a reset token.
pub(in crate::auth) const RESET_REQUESTS: IpLimits = IpLimits {
    network: Limit::ResetRequests,
    subnet: Limit::ResetRequestsSubnet,
};

/// The limits of a request for a challenge of a passkey.
pub(in crate::auth) const PASSKEY_IP_LIMITS: IpLimits = IpLimits {
    network: Limit::PasskeyRequests,
    subnet: Limit::PasskeyRequestsSubnet,
};

impl IpLimits {
    /// The limits for a client; none for one without an address, or with rate limits off.
    pub(in crate::auth) fn of(
        &self,
        client: &Client,
        settings: &ThrottleSettings,
    ) -> Vec<LimitCheck> {
        let Some(address) = client.address().filter(|_| settings.throttle) else {
            return Vec::new();
        };
        let clients = [
            (self.network, address.network()),
            (self.subnet, address.subnet()),
        ];
        let keys = clients.map(|(limit, prefix)| LimitKey::of_clients(limit, &prefix));
        keys.map(|key| settings.limit_check(key)).into()
    }
}
