//! The right to submit one hash job.

use std::sync::Arc;

use super::Queue;
use crate::domain::{IpPrefix, NormalizedEmail};

/// The right to submit hash jobs. A client takes it before the first database access and holds
/// it until its last hash is done.
pub(in crate::auth) struct HashPermit {
    pub(super) queue: Arc<Queue>,
    pub(super) rounds: u64,
    pub(super) network: Option<IpPrefix>,
    /// The account for whose known clients the permit was reserved.
    pub(super) account: Option<NormalizedEmail>,
}

impl HashPermit {
    pub(in crate::auth::hasher) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Replaces the assumed number of rounds by the job's own.
    pub(in crate::auth::hasher) fn count(&mut self, rounds: u64) {
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
