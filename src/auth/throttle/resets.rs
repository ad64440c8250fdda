use super::ThrottleSettings;
use crate::db::Charge;
use crate::domain::{Client, EmailKey, Rule, ThrottleKey};

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

/// What a request for a mail has to pass: nothing without an address.
pub(in crate::auth) fn reset_requests(settings: &ThrottleSettings, client: &Client) -> Vec<Charge> {
    let address = client.address().filter(|_| settings.on);
    let charge = address.map(|address| Charge {
        key: ThrottleKey::reset_requests(&address.network()),
        rule: Rule::Rate(settings.registration),
    });
    charge.into_iter().collect()
}

/// How many mails an address gets, whoever asks for them. This holds where guessing is not
/// slowed down too: it is not a guess, and nobody's mailbox may be filled.
pub(in crate::auth) fn reset_budget(settings: &ThrottleSettings, email: &EmailKey) -> Vec<Charge> {
    vec![
        Charge {
            key: ThrottleKey::reset_pause(email),
            rule: Rule::Rate(settings.reset_pause),
        },
        Charge {
            key: ThrottleKey::reset(email),
            rule: Rule::Rate(settings.reset),
        },
    ]
}
