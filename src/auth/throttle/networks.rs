use super::ThrottleSettings;
use crate::db::Charge;
use crate::domain::{Client, Rule, ThrottleKey};

/// Where a client comes from.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Networks<'a>(pub(in crate::auth) &'a Client);

impl Networks<'_> {
    /// What a guess has to pass that is at no account in particular.
    pub(in crate::auth) fn charges(self, settings: &ThrottleSettings) -> Vec<Charge> {
        let Some(address) = self.0.address().filter(|_| settings.on) else {
            return Vec::new();
        };
        vec![
            Charge {
                key: ThrottleKey::address(&address.network()),
                rule: Rule::Rate(settings.address),
            },
            Charge {
                key: ThrottleKey::subnet(&address.subnet()),
                rule: Rule::Rate(settings.subnet),
            },
        ]
    }
}
