//! The settings of the rate limits, each once: flag, variable, default and help; and the rule of
//! each limit.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::{
    Backoff, Limit, LimitKey, LimitRule, Rate, duration_text, parse_rate, positive_duration, switch,
};

/// The first wait after the failed logins of an account that take no wait.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The settings of the rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct ThrottleSettings {
    /// Whether rate limits are on; off is for load tests
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE",
        value_name = "SWITCH",
        action = ArgAction::Set,
        value_parser = switch(),
        default_value = "on"
    )]
    pub throttle: bool,

    /// Consecutive failed logins of an account without a delay, by all unknown clients together
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_FREE",
        value_name = "LOGINS",
        default_value_t = ThrottleSettings::default().throttle_account_free
    )]
    pub throttle_account_free: NonZeroU32,

    /// Longest delay after further failed logins of an account; the delay begins with 1s and doubles
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(ThrottleSettings::default().throttle_account_wait),
    )]
    pub throttle_account_wait: Duration,

    /// Consecutive failed logins after which unknown clients are refused, until the owner logs in
    /// from a known client or sets a new password
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_LIMIT",
        value_name = "LOGINS",
        default_value_t = ThrottleSettings::default().throttle_account_limit
    )]
    pub throttle_account_limit: NonZeroU32,

    /// How long failed logins of an account count; at the limit they count until they are cleared
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(ThrottleSettings::default().throttle_memory),
    )]
    pub throttle_memory: Duration,

    /// Consecutive failed logins of each known client of an account without a delay
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_FREE",
        value_name = "LOGINS",
        default_value_t = ThrottleSettings::default().throttle_known_free
    )]
    pub throttle_known_free: NonZeroU32,

    /// Delay after each further failed login from a known client
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(ThrottleSettings::default().throttle_known_wait),
    )]
    pub throttle_known_wait: Duration,

    /// How long a device stays known after a login, at most 180d; its cookie lasts as long
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_DEVICE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(ThrottleSettings::default().throttle_device_memory),
    )]
    pub throttle_device_memory: Duration,

    /// How long an IP address stays known after a login
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_NETWORK_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(ThrottleSettings::default().throttle_network_memory),
    )]
    pub throttle_network_memory: Duration,

    /// Failed logins from one IP address (IPv6: /64) as an unknown client, of any accounts: a
    /// burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ADDRESS",
        value_name = "NUMBER+1/TIME",
        value_parser = parse_rate,
        default_value_t = ThrottleSettings::default().throttle_address,
    )]
    pub throttle_address: Rate,

    /// Failed logins from one subnet (IPv4: /24, IPv6: /48) as an unknown client: a burst, then one
    /// per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = parse_rate,
        default_value_t = ThrottleSettings::default().throttle_subnet,
    )]
    pub throttle_subnet: Rate,

    /// Registrations from one IP address, and as many requests for reset emails: a burst, then one
    /// per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION",
        value_name = "NUMBER+1/TIME",
        value_parser = parse_rate,
        default_value_t = ThrottleSettings::default().throttle_registration,
    )]
    pub throttle_registration: Rate,

    /// Registrations from one subnet (IPv4: /24, IPv6: /48), and as many requests for reset emails:
    /// a burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = parse_rate,
        default_value_t = ThrottleSettings::default().throttle_registration_subnet,
    )]
    pub throttle_registration_subnet: Rate,

    /// Successful logins of one account, from anywhere: a burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_LOGINS",
        value_name = "NUMBER+1/TIME",
        value_parser = parse_rate,
        default_value_t = ThrottleSettings::default().throttle_logins,
    )]
    pub throttle_logins: Rate,

    /// Largest number of stored counts (bounds disk use); beyond it, those with the fewest
    /// failures are removed
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ROWS",
        value_name = "ROWS",
        default_value_t = ThrottleSettings::default().throttle_rows
    )]
    pub throttle_rows: NonZeroU32,

    /// Wrong codes of a second factor at one account, by all clients together. No setting changes
    /// it.
    #[arg(skip = ThrottleSettings::default().second_factor)]
    pub second_factor: Backoff,
}

/// A limit key with its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitCheck {
    /// The key.
    pub key: LimitKey,
    /// The rule.
    pub rule: LimitRule,
}

const fn rate(burst: u32, interval: u64) -> Rate {
    let interval = Duration::from_secs(interval);
    Rate { burst, interval }
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let number = |number: u32| NonZeroU32::MIN.saturating_add(number - 1);
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        let (free, limit, memory) = (number(5), number(100), days(30));
        let longest_wait = Duration::from_secs(5 * 60);
        Self {
            throttle: true,
            throttle_account_free: free,
            throttle_account_wait: longest_wait,
            throttle_account_limit: limit,
            throttle_memory: memory,
            throttle_known_free: number(10),
            throttle_known_wait: Duration::from_secs(60),
            throttle_device_memory: days(180),
            throttle_network_memory: days(30),
            throttle_address: rate(20, 30),
            throttle_subnet: rate(100, 5),
            throttle_registration: rate(30, 6 * 60),
            throttle_registration_subnet: rate(100, 60),
            throttle_logins: rate(30, 2),
            throttle_rows: number(1_000_000),
            second_factor: Backoff {
                free: free.get(),
                first_wait: FIRST_WAIT,
                longest_wait,
                limit: limit.get(),
                memory,
            },
        }
    }
}

impl ThrottleSettings {
    /// Rate limits off, except those of mails.
    #[must_use]
    pub fn off() -> Self {
        Self {
            throttle: false,
            ..Self::default()
        }
    }

    /// Failed logins of each known client of an account.
    #[must_use]
    pub const fn known(&self) -> Backoff {
        let wait = self.throttle_known_wait;
        self.backoff(self.throttle_known_free, wait, wait)
    }

    /// Failed logins of all other clients of an account together.
    #[must_use]
    pub const fn account(&self) -> Backoff {
        let (free, longest_wait) = (self.throttle_account_free, self.throttle_account_wait);
        self.backoff(free, FIRST_WAIT, longest_wait)
    }

    const fn backoff(
        &self,
        free: NonZeroU32,
        first_wait: Duration,
        longest_wait: Duration,
    ) -> Backoff {
        Backoff {
            free: free.get(),
            first_wait,
            longest_wait,
            limit: self.throttle_account_limit.get(),
            memory: self.throttle_memory,
        }
    }

    /// The rule of a limit.
    #[must_use]
    pub const fn rule(&self, limit: Limit) -> LimitRule {
        match limit {
            Limit::Account => LimitRule::Backoff(self.account()),
            Limit::Known => LimitRule::Backoff(self.known()),
            Limit::Logins => LimitRule::Rate(self.throttle_logins),
            Limit::Address => LimitRule::Rate(self.throttle_address),
            Limit::Subnet => LimitRule::Rate(self.throttle_subnet),
            Limit::Registration | Limit::ResetRequests => {
                LimitRule::Rate(self.throttle_registration)
            }
            Limit::RegistrationSubnet | Limit::ResetRequestsSubnet => {
                LimitRule::Rate(self.throttle_registration_subnet)
            }
            // Mails of one kind to one address. The interval is shorter than the lifetime of a
            // token: an attacker can spend the budget, and the owner still has a valid token.
            Limit::Mail | Limit::EmailChanges => LimitRule::Rate(rate(5, 12 * 60)),
            // The pause after each mail of a kind to one address.
            Limit::MailPause => LimitRule::Rate(rate(1, 60)),
            Limit::Reauthentication => LimitRule::Rate(rate(10, 6 * 60)),
            Limit::AdminActs => LimitRule::Rate(rate(60, 60)),
            Limit::SecondFactor => LimitRule::Backoff(self.second_factor),
            Limit::PasskeyRequests => LimitRule::Rate(rate(60, 1)),
            Limit::PasskeyRequestsSubnet => {
                let interval = Duration::from_millis(200);
                LimitRule::Rate(Rate {
                    burst: 300,
                    interval,
                })
            }
        }
    }

    /// A key with its rule.
    #[must_use]
    pub fn limit_check(&self, key: LimitKey) -> LimitCheck {
        let rule = self.rule(key.limit());
        LimitCheck { key, rule }
    }
}
