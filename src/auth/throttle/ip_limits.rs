//! Rate limits by a client's network and subnet.

use super::ThrottleSettings;
use crate::db::LimitCheck;
use crate::domain::{Client, IpPrefix, LimitKey};

/// Two limits of the same requests: one for the network of a client, one for its subnet.
pub(in crate::auth) struct IpLimits {
    network: fn(&IpPrefix) -> LimitKey,
    subnet: fn(&IpPrefix) -> LimitKey,
}

/// The limits of a login by an unknown client, and of a wrong token.
pub(in crate::auth) const LOGIN_IP_LIMITS: IpLimits = IpLimits {
    network: LimitKey::address,
    subnet: LimitKey::subnet,
};

/// The limits of a registration.
pub(in crate::auth) const REGISTRATION_IP_LIMITS: IpLimits = IpLimits {
    network: LimitKey::registration,
    subnet: LimitKey::registration_subnet,
};

/// The limits of a request for a mail with a reset token.
pub(in crate::auth) const RESET_REQUESTS: IpLimits = IpLimits {
    network: LimitKey::reset_requests,
    subnet: LimitKey::reset_requests_subnet,
};

/// The limits of a request for a challenge of a passkey.
pub(in crate::auth) const PASSKEY_IP_LIMITS: IpLimits = IpLimits {
    network: LimitKey::passkey_requests,
    subnet: LimitKey::passkey_requests_subnet,
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
        let (network, subnet) = (address.network(), address.subnet());
        let keys = [(self.network)(&network), (self.subnet)(&subnet)];
        keys.map(|key| settings.limit_check(key)).into()
    }
}
