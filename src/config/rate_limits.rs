//! Settings of the rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::Switch;
use super::parsers::{positive_duration, rate};
use crate::domain::Rate;

/// How guessing of passwords is slowed down.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Throttling")]
pub struct Throttling {
    /// Whether guessing of passwords is slowed down; off is for load tests
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE",
        value_name = "SWITCH",
        default_value = "on"
    )]
    pub throttle: Switch,

    /// Failed logins in a row that an account may have without a wait, by all clients together
    /// from which its owner has not logged in before
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_FREE",
        value_name = "LOGINS",
        default_value = "5"
    )]
    pub throttle_account_free: NonZeroU32,

    /// Longest wait after those; it begins with a second and doubles
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "5m",
    )]
    pub throttle_account_wait: Duration,

    /// Failed logins in a row after which such clients are refused, until the owner logs in
    /// from a known client or sets a new password
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_LIMIT",
        value_name = "LOGINS",
        default_value = "100"
    )]
    pub throttle_account_limit: NonZeroU32,

    /// How long failed logins of an account are remembered; those at the limit always are
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "30d",
    )]
    pub throttle_memory: Duration,

    /// Failed logins in a row that each known client of an account may have without a wait
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_FREE",
        value_name = "LOGINS",
        default_value = "10"
    )]
    pub throttle_known_free: NonZeroU32,

    /// Its wait after each further one
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "1m",
    )]
    pub throttle_known_wait: Duration,

    /// How long a device is known after a login, 180d at the most: so long its cookie lasts
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_DEVICE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "180d",
    )]
    pub throttle_device_memory: Duration,

    /// How long an address is known after a login
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_NETWORK_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "30d",
    )]
    pub throttle_network_memory: Duration,

    /// Failed logins from one address (IPv6: /64), at any accounts that do not know it: so many
    /// at once, then one more each time
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ADDRESS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = "20+1/30s",
    )]
    pub throttle_address: Rate,

    /// The same from one site (IPv4: /24, IPv6: /48)
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = "100+1/5s",
    )]
    pub throttle_subnet: Rate,

    /// Registrations from one address, and as many requests for reset mails
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = "30+1/6m",
    )]
    pub throttle_registration: Rate,

    /// Registrations from one site (IPv4: /24, IPv6: /48), and as many requests for reset mails
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = "100+1/1m",
    )]
    pub throttle_registration_subnet: Rate,

    /// Right logins of one account, from anywhere: so many at once, then one more each time
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_LOGINS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = "30+1/2s",
    )]
    pub throttle_logins: Rate,

    /// Counts that are kept (bounds the disk use); beyond, those with the fewest failures go
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ROWS",
        value_name = "ROWS",
        default_value = "1000000"
    )]
    pub throttle_rows: NonZeroU32,
}
