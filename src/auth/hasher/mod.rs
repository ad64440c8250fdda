//! The threads that hash passwords, and the queue in front of them.
//!
//! A login costs a quarter of a second of a core. It is spent here and nowhere else: each
//! core computes a few at a time in lanes, the rest wait in the order in which they came, and
//! what does not hash does not wait at all. Who would wait too long is told so at once.

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
pub(super) use job::compute;
use job::{AwaitedJob, DetachedJob};
pub(super) use job::{BcryptJob, JobStep};
pub(super) use queue::HashPermit;
use queue::Queue;
pub(super) use queue::Requester;
pub use stats::{HasherStats, Waits};

/// How many hashes a thread computes at once. Four together take 1.3 to 1.5 times as long as
/// one, and more only a little less for each; their tables are 17 KB, so that two threads
/// that share a core with its 32 KB of cache are not much in each other's way
/// (`docs/benchmarks.md`).
pub(super) const LANES: usize = 4;

/// How many threads hash, and for whom there is room.
#[derive(Debug, Clone, Copy)]
pub(super) struct HasherSettings {
    pub(super) threads: NonZeroUsize,
    /// How many may wait, for the sake of the memory.
    pub(super) queue: usize,
    /// The longest wait.
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

    /// Takes a place for work of so many rounds, before anything is done for it.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] if it would wait too long, or too many wait already.
    pub(super) fn place(&self, rounds: u64, whose: Requester) -> Result<HashPermit, AuthError> {
        Queue::place(&self.queue, rounds, whose)
    }

    /// Whether there is a place that is kept for known clients.
    pub(super) fn keeps_permits(&self) -> bool {
        self.queue.keeps_permits()
    }

    pub(super) fn figures(&self) -> HasherStats {
        self.queue.figures()
    }
}

impl HashPermit {
    /// Queues the work, and waits for its result without a thread. Dropping the future ends the
    /// work, or keeps it from beginning; dropping the permit makes room for another client.
    ///
    /// # Errors
    /// [`HashError::NoAnswer`] if the computation panicked or the service ends.
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

    /// Queues work of which nobody waits for the outcome.
    pub(super) fn submit_detached<W: BcryptJob<Done = ()>>(mut self, work: W) {
        self.count(work.rounds());
        let queue = Arc::clone(self.queue());
        queue.push(Box::new(DetachedJob::new(work, self)));
    }
}

impl Drop for Hasher {
    /// What is not done is dropped, and who waits for it is told.
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a hashing thread ended in a panic");
            }
        }
    }
}
