//! Settings of the rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::parsers::{positive_duration, rate, switch};
use crate::domain::{Rate, defaults, duration_text};

/// How guessing of passwords is slowed down.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Throttling")]
pub struct Throttling {
    /// Whether guessing of passwords is slowed down; off is for load tests
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE",
        value_name = "SWITCH",
        action = ArgAction::Set,
        value_parser = switch(),
        default_value = "on"
    )]
    pub throttle: bool,

    /// Failed logins in a row that an account may have without a wait, by all clients together
    /// from which its owner has not logged in before
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_FREE",
        value_name = "LOGINS",
        default_value = defaults::ACCOUNT_FREE.to_string()
    )]
    pub throttle_account_free: NonZeroU32,

    /// Longest wait after those; it begins with a second and doubles
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::ACCOUNT_WAIT),
    )]
    pub throttle_account_wait: Duration,

    /// Failed logins in a row after which such clients are refused, until the owner logs in
    /// from a known client or sets a new password
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_LIMIT",
        value_name = "LOGINS",
        default_value = defaults::ACCOUNT_LIMIT.to_string()
    )]
    pub throttle_account_limit: NonZeroU32,

    /// How long failed logins of an account are remembered; those at the limit always are
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::LIMIT_MEMORY),
    )]
    pub throttle_memory: Duration,

    /// Failed logins in a row that each known client of an account may have without a wait
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_FREE",
        value_name = "LOGINS",
        default_value = defaults::KNOWN_FREE.to_string()
    )]
    pub throttle_known_free: NonZeroU32,

    /// Its wait after each further one
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::KNOWN_WAIT),
    )]
    pub throttle_known_wait: Duration,

    /// How long a device is known after a login, 180d at the most: so long its cookie lasts
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_DEVICE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::DEVICE_MEMORY),
    )]
    pub throttle_device_memory: Duration,

    /// How long an address is known after a login
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_NETWORK_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::NETWORK_MEMORY),
    )]
    pub throttle_network_memory: Duration,

    /// Failed logins from one address (IPv6: /64), at any accounts that do not know it: so many
    /// at once, then one more each time
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ADDRESS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::ADDRESS.to_string(),
    )]
    pub throttle_address: Rate,

    /// The same from one site (IPv4: /24, IPv6: /48)
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::SUBNET.to_string(),
    )]
    pub throttle_subnet: Rate,

    /// Registrations from one address, and as many requests for reset mails
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::REGISTRATION.to_string(),
    )]
    pub throttle_registration: Rate,

    /// Registrations from one site (IPv4: /24, IPv6: /48), and as many requests for reset mails
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::REGISTRATION_SUBNET.to_string(),
    )]
    pub throttle_registration_subnet: Rate,

    /// Right logins of one account, from anywhere: so many at once, then one more each time
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_LOGINS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::LOGINS.to_string(),
    )]
    pub throttle_logins: Rate,

    /// Counts that are kept (bounds the disk use); beyond, those with the fewest failures go
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ROWS",
        value_name = "ROWS",
        default_value = defaults::LIMIT_ROWS.to_string()
    )]
    pub throttle_rows: NonZeroU32,
}
