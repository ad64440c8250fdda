//! The threads that hash passwords, and the queue in front of them.
//!
//! A login costs a quarter of a second of a core, and all of it is spent here: each thread
//! computes a few hashes at a time in lanes, and the others wait in order of arrival.
//! Requests that need no hash never wait here. A client that would wait too long is refused
//! at once.

mod job;
mod overload_log;
mod queue;
mod stats;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::AuthError;
#[cfg(test)]
pub(super) use job::Job;
pub(super) use job::Lane;
use queue::Queue;
pub(super) use queue::{HashPermit, Requester};
pub use stats::{HasherStats, WaitHistogram};

/// How many hashes a thread computes at once. Four together take 1.3 to 1.5 times as long as
/// one; with more lanes, each hash is hardly cheaper. The tables of four take 17 KB, so that
/// two threads on one core can share its 32 KB of cache (`docs/benchmarks.md`).
pub(super) const LANES: usize = 4;

/// The number of hashing threads, and the limits of their queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct HasherSettings {
    pub(super) threads: NonZeroUsize,
    /// How many hashes may wait (bounds memory use).
    pub(super) queue: usize,
    /// The longest estimated wait with which a permit is still granted.
    pub(super) deadline: Duration,
}

pub(super) struct Hasher {
    pub(super) queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Hasher {
    pub(super) fn start(settings: HasherSettings) -> io::Result<Self> {
        let mut hasher = Self {
            queue: Queue::new(settings).into(),
            threads: Vec::new(),
        };
        for number in 0..settings.threads.get() {
            let queue = Arc::clone(&hasher.queue);
            let thread = thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || worker::work(&queue, number))?;
            hasher.threads.push(thread);
        }
        Ok(hasher)
    }
}

impl Drop for Hasher {
    /// Drops all unfinished jobs. Their futures end with [`HashError::NoAnswer`](super::HashError::NoAnswer).
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a hashing thread panicked");
            }
        }
    }
}
