//! Rate limits by a client's network and site.

use super::ThrottleSettings;
use crate::db::LimitCheck;
use crate::domain::{Client, IpPrefix, LimitKey};

/// The network and the site of a client.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct IpLimits<'a>(pub(in crate::auth) &'a Client);

impl IpLimits<'_> {
    /// The limits of a login by an unknown client, and of a wrong token.
    pub(in crate::auth) fn failed_logins(self, settings: &ThrottleSettings) -> Vec<LimitCheck> {
        self.limits(settings, LimitKey::address, LimitKey::subnet)
    }

    /// The limits of a registration.
    pub(in crate::auth) fn registration(self, settings: &ThrottleSettings) -> Vec<LimitCheck> {
        let (network, site) = (LimitKey::registration, LimitKey::registration_subnet);
        self.limits(settings, network, site)
    }

    /// The limits of a request for a mail with a reset token.
    pub(in crate::auth) fn reset_requests(self, settings: &ThrottleSettings) -> Vec<LimitCheck> {
        let (network, site) = (LimitKey::reset_requests, LimitKey::reset_requests_subnet);
        self.limits(settings, network, site)
    }

    /// The limits of a request for a challenge of a passkey.
    pub(in crate::auth) fn passkey_requests(self, settings: &ThrottleSettings) -> Vec<LimitCheck> {
        let (network, site) = (
            LimitKey::passkey_requests,
            LimitKey::passkey_requests_subnet,
        );
        self.limits(settings, network, site)
    }

    /// One limit by network and one by site; none for a client without an address.
    fn limits(
        self,
        settings: &ThrottleSettings,
        network: fn(&IpPrefix) -> LimitKey,
        site: fn(&IpPrefix) -> LimitKey,
    ) -> Vec<LimitCheck> {
        let Some(address) = self.0.address().filter(|_| settings.throttle) else {
            return Vec::new();
        };
        let keys = [network(&address.network()), site(&address.subnet())];
        keys.map(|key| settings.limit_check(key)).into()
    }
}
