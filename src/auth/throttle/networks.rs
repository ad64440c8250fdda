use super::ThrottleSettings;
use crate::db::Charge;
use crate::domain::{Client, Prefix, Rate, Rule, ThrottleKey};

/// Where a client comes from.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Networks<'a>(pub(in crate::auth) &'a Client);

impl Networks<'_> {
    /// What a guess has to pass that is at no account in particular.
    pub(in crate::auth) fn charges(self, settings: &ThrottleSettings) -> Vec<Charge> {
        self.limits(
            settings,
            (ThrottleKey::address, settings.address),
            (ThrottleKey::subnet, settings.subnet),
        )
    }

    /// The limits of a registration.
    pub(in crate::auth) fn registration(self, settings: &ThrottleSettings) -> Vec<Charge> {
        self.limits(
            settings,
            (ThrottleKey::registration, settings.registration),
            (
                ThrottleKey::registration_subnet,
                settings.registration_subnet,
            ),
        )
    }

    /// The limits of a request for a mail with a reset token.
    pub(in crate::auth) fn reset_requests(self, settings: &ThrottleSettings) -> Vec<Charge> {
        self.limits(
            settings,
            (ThrottleKey::reset_requests, settings.registration),
            (
                ThrottleKey::reset_requests_subnet,
                settings.registration_subnet,
            ),
        )
    }

    /// One limit by network and one by site; none without an address.
    fn limits(
        self,
        settings: &ThrottleSettings,
        network: (fn(&Prefix) -> ThrottleKey, Rate),
        subnet: (fn(&Prefix) -> ThrottleKey, Rate),
    ) -> Vec<Charge> {
        let Some(address) = self.0.address().filter(|_| settings.on) else {
            return Vec::new();
        };
        [(address.network(), network), (address.subnet(), subnet)]
            .map(|(prefix, (key, rate))| Charge {
                key: key(&prefix),
                rule: Rule::Rate(rate),
            })
            .into()
    }
}
