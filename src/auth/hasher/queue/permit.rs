//! The right to run hash jobs.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Queue;
use crate::auth::HashError;
use crate::auth::hasher::job::{Job, Lane};
use crate::domain::{IpPrefix, NormalizedEmail};

/// The right to run hash jobs. A client takes it before the first database access and holds
/// it until its last hash is done. Dropping it cancels its jobs, and makes room for another
/// client.
pub(in crate::auth) struct HashPermit {
    pub(super) queue: Arc<Queue>,
    pub(super) rounds: u64,
    pub(super) network: Option<IpPrefix>,
    /// The account for whose known clients the permit was reserved.
    pub(super) account: Option<NormalizedEmail>,
    /// Its jobs are cancelled once this is dropped.
    pub(super) held: Arc<()>,
}

impl HashPermit {
    /// Queues a job of at most this many rounds and awaits its result; no thread is blocked.
    ///
    /// # Errors
    /// Those of the job, and [`HashError::NoAnswer`] if it panicked or the service is shutting
    /// down.
    pub(in crate::auth) async fn run<T, F>(
        &mut self,
        rounds: u64,
        job: impl FnOnce(Lane) -> F,
    ) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, HashError>> + Send + 'static,
    {
        let answer = self.submit(rounds, job);
        answer.await.or(Err(HashError::NoAnswer))?
    }

    pub(in crate::auth::hasher) fn submit<T: Send + 'static, F>(
        &mut self,
        rounds: u64,
        job: impl FnOnce(Lane) -> F,
    ) -> oneshot::Receiver<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.count(rounds);
        self.queue.push(Job::new(&self.held, |lane| {
            let job = job(lane);
            async move {
                // Fails only if the receiver was dropped meanwhile, which needs no result.
                drop(sender.send(job.await));
            }
        }));
        answer
    }

    /// Queues a job whose result nothing awaits. The job keeps the permit until it ends.
    pub(in crate::auth) fn run_detached<F>(mut self, rounds: u64, job: impl FnOnce(Lane) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.count(rounds);
        let (queue, held) = (Arc::clone(&self.queue), Arc::clone(&self.held));
        queue.push(Job::new(&held, |lane| {
            let job = job(lane);
            async move {
                job.await;
                drop(self);
            }
        }));
    }

    /// Replaces the assumed number of rounds by the job's own.
    fn count(&mut self, rounds: u64) {
        let mut state = self.queue.lock();
        state.rounds = state.rounds - self.rounds + rounds;
        let held = self
            .network
            .and_then(|network| state.networks.get_mut(&network));
        if let Some(held) = held {
            held.rounds = held.rounds - self.rounds + rounds;
        }
        self.rounds = rounds;
    }
}

impl Drop for HashPermit {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.places_taken -= 1;
        state.rounds -= self.rounds;
        if let Some(network) = self.network
            && let Some(held) = state.networks.get_mut(&network)
        {
            held.places -= 1;
            held.rounds -= self.rounds;
            if held.places == 0 {
                state.networks.remove(&network);
            }
        }
        if let Some(account) = &self.account
            && let Some(held) = state.kept.get_mut(account)
        {
            *held -= 1;
            if *held == 0 {
                state.kept.remove(account);
            }
        }
    }
}

impl std::fmt::Debug for HashPermit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashPermit")
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
