//! The rule of each rate limit, and the defaults.

use std::time::Duration;

use crate::db::LimitCheck;
use crate::domain::{Backoff, Limit, LimitKey, LimitRule, Rate, defaults};

/// The rules of all rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Whether rate limits apply. The limits of mails always do.
    pub on: bool,
    /// Failed logins of each known client of an account.
    pub known: Backoff,
    /// Failed logins of all other clients of an account together.
    pub account: Backoff,
    /// Failed logins and wrong tokens from one network, by unknown clients.
    pub address: Rate,
    /// The same from one site.
    pub subnet: Rate,
    /// Registrations from one network, and requests for reset mails.
    pub registration: Rate,
    /// The same from one site.
    pub registration_subnet: Rate,
    /// Logins of one account. Failed ones count too, unless another limit refuses them first.
    pub logins: Rate,
    /// Mails of one kind to one address. The interval is shorter than the lifetime of a token:
    /// an attacker can spend the budget, and the owner still has a valid token.
    pub reset: Rate,
    /// The pause after each mail of a kind to one address.
    pub reset_pause: Rate,
    /// Changes of one account that require re-authentication.
    pub reauthentication: Rate,
    /// Acts of one administrator.
    pub admin_acts: Rate,
    /// Wrong codes of a second factor at one account, by all clients together.
    pub second_factor: Backoff,
    /// Requests for a challenge of a passkey, from one network.
    pub passkey_requests: Rate,
    /// The same from one site.
    pub passkey_requests_subnet: Rate,
    /// How long a device stays known after a login.
    pub device_memory: Duration,
    /// How long a network stays known after a login.
    pub network_memory: Duration,
    /// The largest number of counts in the database.
    pub rows: u32,
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let backoff = |free, first_wait, longest_wait| Backoff {
            free,
            first_wait,
            longest_wait,
            limit: defaults::ACCOUNT_LIMIT,
            memory: defaults::LIMIT_MEMORY,
        };
        let rate = |burst, interval| Rate { burst, interval };
        Self {
            on: true,
            known: backoff(
                defaults::KNOWN_FREE,
                defaults::KNOWN_WAIT,
                defaults::KNOWN_WAIT,
            ),
            account: backoff(
                defaults::ACCOUNT_FREE,
                defaults::ACCOUNT_FIRST_WAIT,
                defaults::ACCOUNT_WAIT,
            ),
            address: defaults::ADDRESS,
            subnet: defaults::SUBNET,
            registration: defaults::REGISTRATION,
            registration_subnet: defaults::REGISTRATION_SUBNET,
            logins: defaults::LOGINS,
            reset: rate(5, minutes(12)),
            reset_pause: rate(1, minutes(1)),
            reauthentication: rate(10, minutes(6)),
            admin_acts: rate(60, minutes(1)),
            second_factor: backoff(
                defaults::ACCOUNT_FREE,
                defaults::ACCOUNT_FIRST_WAIT,
                defaults::ACCOUNT_WAIT,
            ),
            passkey_requests: rate(60, Duration::from_secs(1)),
            passkey_requests_subnet: rate(300, Duration::from_millis(200)),
            device_memory: defaults::DEVICE_MEMORY,
            network_memory: defaults::NETWORK_MEMORY,
            rows: defaults::LIMIT_ROWS,
        }
    }
}

impl ThrottleSettings {
    /// Rate limits off, except those of mails.
    #[must_use]
    pub fn off() -> Self {
        Self {
            on: false,
            ..Self::default()
        }
    }

    /// The rule of a limit.
    #[must_use]
    pub const fn rule(&self, limit: Limit) -> LimitRule {
        match limit {
            Limit::Account => LimitRule::Backoff(self.account),
            Limit::Known => LimitRule::Backoff(self.known),
            Limit::Logins => LimitRule::Rate(self.logins),
            Limit::Address => LimitRule::Rate(self.address),
            Limit::Subnet => LimitRule::Rate(self.subnet),
            Limit::Registration | Limit::ResetRequests => LimitRule::Rate(self.registration),
            Limit::RegistrationSubnet | Limit::ResetRequestsSubnet => {
                LimitRule::Rate(self.registration_subnet)
            }
            Limit::Mail | Limit::EmailChanges => LimitRule::Rate(self.reset),
            Limit::MailPause => LimitRule::Rate(self.reset_pause),
            Limit::Reauthentication => LimitRule::Rate(self.reauthentication),
            Limit::AdminActs => LimitRule::Rate(self.admin_acts),
            Limit::SecondFactor => LimitRule::Backoff(self.second_factor),
            Limit::PasskeyRequests => LimitRule::Rate(self.passkey_requests),
            Limit::PasskeyRequestsSubnet => LimitRule::Rate(self.passkey_requests_subnet),
        }
    }

    /// A key with its rule.
    #[must_use]
    pub fn limit_check(&self, key: LimitKey) -> LimitCheck {
        let rule = self.rule(key.limit());
        LimitCheck { key, rule }
    }
}
