//! The settings of the threads that hash passwords, each once: flag, variable, default and help.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::{at_least_one, duration_text, positive_duration};

/// The number of hashing threads, and the limits of their queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct HashingSettings {
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
        default_value_t = HashingSettings::default().hash_queue,
    )]
    pub hash_queue: NonZeroUsize,

    /// Longest wait for a thread, such as 5s. A login that would wait longer, by the measured
    /// speed of this machine, gets 503 at once
    #[arg(
        long,
        env = "BIENVENUE_HASH_DEADLINE",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(HashingSettings::default().hash_deadline),
    )]
    pub hash_deadline: Duration,
}

impl HashingSettings {
    /// The number of hashing threads: as set, or one per core.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.hash_threads.unwrap_or_else(cores)
    }
}

impl Default for HashingSettings {
    fn default() -> Self {
        Self {
            hash_threads: None,
            hash_queue: NonZeroUsize::MIN.saturating_add(127),
            hash_deadline: Duration::from_secs(5),
        }
    }
}
