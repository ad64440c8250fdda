//! Settings of passwords and their hashing.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::parsers::{at_least_one, password_length, positive_duration};
use crate::domain::BcryptCost;

/// The settings of passwords and their hashing.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Passwords")]
pub struct Passwords {
    /// Cost of bcrypt, 4 to 31. Each step doubles the time of a login; 12 takes a quarter of a
    /// second of one core. Stored hashes of a lower cost are replaced at the next login
    #[arg(
        long,
        env = "BIENVENUE_BCRYPT_COST",
        value_name = "COST",
        default_value_t = BcryptCost::default(),
    )]
    pub bcrypt_cost: BcryptCost,

    /// Minimum length of a new password, in characters; from 8 on, common passwords are refused
    /// too [default: 1, or 15 with an https --public-url]
    #[arg(
        long,
        env = "BIENVENUE_PASSWORD_MIN_LENGTH",
        value_name = "CHARACTERS",
        value_parser = password_length,
    )]
    pub password_min_length: Option<usize>,

    /// Threads that hash passwords [default: one per core]
    #[arg(
        long,
        env = "BIENVENUE_HASH_THREADS",
        value_name = "THREADS",
        value_parser = at_least_one,
    )]
    pub hash_threads: Option<NonZeroUsize>,

    /// How many logins may wait for a thread (bounds memory use); further ones get 503
    #[arg(
        long,
        env = "BIENVENUE_HASH_QUEUE",
        value_name = "LOGINS",
        value_parser = at_least_one,
        default_value = "128",
    )]
    pub hash_queue: NonZeroUsize,

    /// Longest wait for a thread, such as 5s. A login that would wait longer, by the measured
    /// speed of this machine, gets 503 at once
    #[arg(
        long,
        env = "BIENVENUE_HASH_DEADLINE",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "5s",
    )]
    pub hash_deadline: Duration,
}
