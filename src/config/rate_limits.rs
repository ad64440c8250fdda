//! Settings of the rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::parsers::{rate, switch};
use crate::domain::{Rate, defaults, duration_text, positive_duration};

/// The settings of the rate limits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct Throttling {
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
        default_value = defaults::ACCOUNT_FREE.to_string()
    )]
    pub throttle_account_free: NonZeroU32,

    /// Longest delay after further failed logins of an account; the delay begins with 1s and doubles
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::ACCOUNT_WAIT),
    )]
    pub throttle_account_wait: Duration,

    /// Consecutive failed logins after which unknown clients are refused, until the owner logs in
    /// from a known client or sets a new password
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ACCOUNT_LIMIT",
        value_name = "LOGINS",
        default_value = defaults::ACCOUNT_LIMIT.to_string()
    )]
    pub throttle_account_limit: NonZeroU32,

    /// How long failed logins of an account count; at the limit they count until they are cleared
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::LIMIT_MEMORY),
    )]
    pub throttle_memory: Duration,

    /// Consecutive failed logins of each known client of an account without a delay
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_FREE",
        value_name = "LOGINS",
        default_value = defaults::KNOWN_FREE.to_string()
    )]
    pub throttle_known_free: NonZeroU32,

    /// Delay after each further failed login from a known client
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_KNOWN_WAIT",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::KNOWN_WAIT),
    )]
    pub throttle_known_wait: Duration,

    /// How long a device stays known after a login, at most 180d; its cookie lasts as long
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_DEVICE_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::DEVICE_MEMORY),
    )]
    pub throttle_device_memory: Duration,

    /// How long an IP address stays known after a login
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_NETWORK_MEMORY",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::NETWORK_MEMORY),
    )]
    pub throttle_network_memory: Duration,

    /// Failed logins from one IP address (IPv6: /64) as an unknown client, of any accounts: a
    /// burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ADDRESS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::ADDRESS.to_string(),
    )]
    pub throttle_address: Rate,

    /// Failed logins from one subnet (IPv4: /24, IPv6: /48) as an unknown client: a burst, then one
    /// per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::SUBNET.to_string(),
    )]
    pub throttle_subnet: Rate,

    /// Registrations from one IP address, and as many requests for reset emails: a burst, then one
    /// per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::REGISTRATION.to_string(),
    )]
    pub throttle_registration: Rate,

    /// Registrations from one subnet (IPv4: /24, IPv6: /48), and as many requests for reset emails:
    /// a burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_REGISTRATION_SUBNET",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::REGISTRATION_SUBNET.to_string(),
    )]
    pub throttle_registration_subnet: Rate,

    /// Successful logins of one account, from anywhere: a burst, then one per interval
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_LOGINS",
        value_name = "NUMBER+1/TIME",
        value_parser = rate,
        default_value = defaults::LOGINS.to_string(),
    )]
    pub throttle_logins: Rate,

    /// Largest number of stored counts (bounds disk use); beyond it, those with the fewest
    /// failures are removed
    #[arg(
        long,
        env = "BIENVENUE_THROTTLE_ROWS",
        value_name = "ROWS",
        default_value = defaults::LIMIT_ROWS.to_string()
    )]
    pub throttle_rows: NonZeroU32,
}
