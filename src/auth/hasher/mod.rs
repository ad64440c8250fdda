//! The threads that hash passwords, and the queue in front of them.
//!
//! A login costs a quarter of a second of a core, and all of it is spent here: each thread
//! computes a few hashes at a time in lanes, and the others wait in order of arrival.
//! Requests that need no hash never wait here. A client that would wait too long is refused
//! at once.

mod detached_job;
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

use tokio::sync::oneshot;

use super::{AuthError, HashError};
use detached_job::DetachedJob;
use job::AwaitedJob;
pub(super) use job::compute;
pub(super) use job::{BcryptJob, JobStep};
pub(super) use queue::HashPermit;
use queue::Queue;
pub(super) use queue::Requester;
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
    queue: Arc<Queue>,
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

    /// Takes a permit for a hash of this many rounds. Never blocks.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] if it would wait too long, or if the queue is full.
    pub(super) fn acquire_permit(
        &self,
        rounds: u64,
        whose: Requester,
    ) -> Result<HashPermit, AuthError> {
        Queue::acquire_permit(&self.queue, rounds, whose)
    }

    /// Whether a permit is left that only a known client may take.
    pub(super) fn keeps_permits(&self) -> bool {
        self.queue.keeps_permits()
    }

    pub(super) fn stats(&self) -> HasherStats {
        self.queue.stats()
    }
}

impl HashPermit {
    /// Queues a job and awaits its result; no thread is blocked. Dropping the future cancels
    /// the job; dropping the permit makes room for another client.
    ///
    /// # Errors
    /// [`HashError::NoAnswer`] if the computation panicked or the service is shutting down.
    pub(super) async fn run<W: BcryptJob>(&mut self, work: W) -> Result<W::Done, HashError> {
        let answer = self.submit(work);
        answer.await.or(Err(HashError::NoAnswer))
    }

    fn submit<W: BcryptJob>(&mut self, work: W) -> oneshot::Receiver<W::Done> {
        let (sender, answer) = oneshot::channel();
        self.count(work.rounds());
        self.queue().push(Box::new(AwaitedJob::new(work, sender)));
        answer
    }

    /// Queues a job whose result nothing awaits. The job keeps the permit until it ends.
    pub(super) fn submit_detached<W: BcryptJob<Done = ()>>(mut self, work: W) {
        self.count(work.rounds());
        let queue = Arc::clone(self.queue());
        queue.push(Box::new(DetachedJob::new(work, self)));
    }
}

impl Drop for Hasher {
    /// Drops all unfinished jobs. Their futures end with [`HashError::NoAnswer`].
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a hashing thread panicked");
            }
        }
    }
}
