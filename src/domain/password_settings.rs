//! The settings of passwords and of the threads that hash them, each once: flag, variable, default
//! and help.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::{
    BcryptCost, ByMode, Mode, SecondFactorPolicy, ValueError, at_least_one, by_mode, duration_text,
    positive_duration,
};

/// What new passwords are, and how they are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Passwords")]
pub struct PasswordSettings {
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
    /// too. With --second-factor required, 8 is the default in production
    #[arg(
        long,
        env = "BIENVENUE_PASSWORD_MIN_LENGTH",
        value_name = "CHARACTERS",
        value_parser = by_mode(PasswordSettings::default().password_min_length, password_length),
        default_value_t = PasswordSettings::default().password_min_length
    )]
    pub password_min_length: ByMode<usize>,

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
        default_value_t = PasswordSettings::default().hash_queue,
    )]
    pub hash_queue: NonZeroUsize,

    /// Longest wait for a thread, such as 5s. A login that would wait longer, by the measured
    /// speed of this machine, gets 503 at once
    #[arg(
        long,
        env = "BIENVENUE_HASH_DEADLINE",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(PasswordSettings::default().hash_deadline),
    )]
    pub hash_deadline: Duration,
}

impl PasswordSettings {
    /// The shortest new password, in code points. If a second factor is required, 8 suffice in
    /// production mode (NIST SP 800-63B-4, 3.1.1.2), unless a length is set.
    #[must_use]
    pub fn min_length(&self, mode: Mode, second_factor: SecondFactorPolicy) -> usize {
        match (self.password_min_length, mode, second_factor) {
            (ByMode::Default { .. }, Mode::Production, SecondFactorPolicy::Required) => 8,
            (length, ..) => *length.of(mode),
        }
    }

    /// The number of hashing threads: as set, or one per core.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.hash_threads.unwrap_or_else(cores)
    }
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            bcrypt_cost: BcryptCost::default(),
            password_min_length: ByMode::Default {
                development: 1,
                production: 15,
            },
            hash_threads: None,
            hash_queue: NonZeroUsize::MIN.saturating_add(127),
            hash_deadline: Duration::from_secs(5),
        }
    }
}

/// The minimum length of a password.
fn password_length(text: &str) -> Result<usize, ValueError> {
    text.parse()
        .ok()
        .filter(|length| (1..=256).contains(length))
        .ok_or(ValueError("must be a number from 1 to 256"))
}
