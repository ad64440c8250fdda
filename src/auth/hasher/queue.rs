//! The queue in front of the hashing threads: who gets a permit, and which jobs run next.

mod permit;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(in crate::auth) use permit::HashPermit;

use super::job::QueuedJob;
use super::overload_log::OverloadLog;
use super::{AuthError, HasherSettings, HasherStats, LANES, Waits};
use crate::domain::{EmailKey, Prefix};

/// Seconds that a thread takes for a round, until it has been measured.
const ASSUMED_PACE: f64 = 25e-6;

/// How much of a thread's measured pace the last measurement is, of half a millisecond. With
/// more, those who come in a lucky moment are let in and wait beyond the deadline.
const WEIGHT_OF_NEWEST: f64 = 1.0 / 512.0;

/// One network may hold one of so many places, and of the wait; and one of so many, and of the
/// wait, is kept for known clients.
const SHARES: usize = 4;
const SHARES_OF_TIME: u32 = 4;

/// How many of the kept places the known clients of one account may hold.
const KEPT_FOR_ONE: usize = 2;

/// Who asks for a place.
#[derive(Debug, Clone)]
pub(in crate::auth) enum Requester {
    /// The service itself, or a client where nobody is told apart.
    Anybody,
    /// A client that the account knows, for whom there was no other place.
    Known {
        network: Option<Prefix>,
        account: EmailKey,
    },
    /// Any other client.
    Stranger(Option<Prefix>),
}

/// What waits for the hashing threads, in the order in which it came.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Who waits and who is being served, together.
    places: usize,
    waiting: usize,
    threads: usize,
    deadline: Duration,
}

struct State {
    waiting: VecDeque<Waiting>,
    waits: Waits,
    /// Threads that have nothing to do.
    resting: usize,
    places_taken: usize,
    /// What each network holds of them.
    networks: HashMap<Prefix, Held>,
    /// How many of the kept ones the known clients of each account hold.
    kept: HashMap<EmailKey, usize>,
    /// Rounds of all places, until their holders leave.
    rounds: u64,
    /// Seconds a round of each thread with all its lanes in use.
    paces: Vec<f64>,
    closed: bool,
    refusals: OverloadLog,
}

/// What a network holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    places: usize,
    rounds: u64,
}

struct Waiting {
    job: Box<dyn QueuedJob>,
    since: Instant,
}

impl Queue {
    pub(super) fn new(settings: HasherSettings) -> Self {
        let threads = settings.threads.get();
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                waits: Waits::default(),
                resting: 0,
                places_taken: 0,
                networks: HashMap::new(),
                kept: HashMap::new(),
                rounds: 0,
                paces: vec![ASSUMED_PACE; threads],
                closed: false,
                refusals: OverloadLog::default(),
            }),
            changed: Condvar::new(),
            places: settings.queue.saturating_add(threads.saturating_mul(LANES)),
            waiting: settings.queue,
            threads,
            deadline: settings.deadline,
        }
    }

    pub(super) fn place(
        queue: &Arc<Self>,
        rounds: u64,
        whose: Requester,
    ) -> Result<HashPermit, AuthError> {
        let mut state = queue.lock();
        let wait = state.wait();
        let network = whose.network();
        if queue.has_its_share(&state, network) || !queue.has_room(&state, wait, &whose) {
            let news = state.refusals.count(Instant::now());
            drop(state);
            if let Some(refused) = news {
                log::warn!(
                    "more logins than {} threads can hash in time: {refused} refused since the last such line",
                    queue.threads
                );
            }
            // By then half of those in front are served, and who comes has a chance.
            let retry_after = wait / 2;
            return Err(AuthError::Overloaded { retry_after });
        }
        state.places_taken += 1;
        state.rounds += rounds;
        if let Some(network) = network {
            let held = state.networks.entry(network).or_default();
            held.places += 1;
            held.rounds += rounds;
        }
        let account = whose.account();
        if let Some(account) = &account {
            *state.kept.entry(account.clone()).or_default() += 1;
        }
        drop(state);
        Ok(HashPermit {
            queue: Arc::clone(queue),
            rounds,
            network,
            account,
        })
    }

    /// Whether a known client may find a place where a stranger finds none.
    pub(super) fn keeps_permits(&self) -> bool {
        let state = self.lock();
        let wait = state.wait();
        self.has_room(&state, wait, &Requester::Anybody)
            && !self.has_room(&state, wait, &Requester::Stranger(None))
    }

    /// Whether a network holds its share of the places, or of the time: where hashing is slow,
    /// a few places are the whole wait. Each thread may have one of its hashes in any case.
    fn has_its_share(&self, state: &State, network: Option<Prefix>) -> bool {
        let held = network.and_then(|network| state.networks.get(&network));
        held.is_some_and(|held| {
            held.places >= self.places.div_ceil(SHARES)
                || held.places >= self.threads
                    && state.time(held.rounds) >= self.deadline / SHARES_OF_TIME
        })
    }

    fn has_room(&self, state: &State, wait: Duration, whose: &Requester) -> bool {
        // The kept part of the places and of the wait that is not for this one.
        let (places, time) = (self.places / SHARES, self.deadline / SHARES_OF_TIME);
        let (places, time) = match whose {
            Requester::Anybody => (0, Duration::ZERO),
            Requester::Known { account, .. } => match state.kept.get(account) {
                None => (0, Duration::ZERO),
                // The second place of an account comes after the first one of others.
                Some(held) if *held < KEPT_FOR_ONE => (places / 2, time / 2),
                Some(_) => return false,
            },
            Requester::Stranger(_) => (places, time),
        };
        state.places_taken < self.places - places && wait <= self.deadline.saturating_sub(time)
    }

    pub(super) fn push(&self, job: Box<dyn QueuedJob>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        // Those who have left, and their places with them, would else remain here until
        // a thread comes by.
        let left = if state.waiting.len() > self.waiting {
            state.take_unawaited()
        } else {
            Vec::new()
        };
        let since = Instant::now();
        state.waiting.push_back(Waiting { job, since });
        drop(state);
        self.changed.notify_one();
        drop(left);
    }

    /// Takes up to `lanes` jobs for a thread, and waits for one if the thread is at rest.
    /// None at the end of the service.
    pub(super) fn take(&self, thread: Thread) -> Option<Vec<Box<dyn QueuedJob>>> {
        let mut state = self.lock();
        if let (Some(pace), Some(measured)) = (state.paces.get_mut(thread.number), thread.pace) {
            *pace += (measured - *pace) * WEIGHT_OF_NEWEST;
        }
        if thread.at_rest {
            state.resting += 1;
            state = self
                .changed
                .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
                .unwrap_or_else(PoisonError::into_inner);
            state.resting -= 1;
        }
        if state.closed {
            return None;
        }
        let share = state.share(thread.at_rest).min(thread.idle_lanes);
        let jobs = state.begin(share);
        if state.resting > 0 && !state.waiting.is_empty() {
            self.changed.notify_one();
        }
        Some(jobs)
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
        self.changed.notify_all();
    }

    pub(super) fn figures(&self) -> HasherStats {
        let state = self.lock();
        HasherStats {
            waiting: state.waiting.len(),
            waiting_max: self.waiting,
            places_taken: state.places_taken,
            threads: self.threads,
            estimated_wait: state.wait(),
            waits: state.waits,
            refused: state.refusals.total(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Nothing panics while it holds the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that asks for jobs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thread {
    pub(super) number: usize,
    /// Whether it computes nothing.
    pub(super) at_rest: bool,
    pub(super) idle_lanes: usize,
    /// Seconds a round with all lanes in use, if that was measured just now.
    pub(super) pace: Option<f64>,
}

impl State {
    /// How long a newcomer waits until all who came before are served.
    fn wait(&self) -> Duration {
        self.time(self.rounds)
    }

    /// How long all threads together take for so many rounds.
    fn time(&self, rounds: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = rounds as f64 / self.paces.iter().map(|pace| 1.0 / pace).sum::<f64>();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many jobs are for one thread: they are spread over the ones at rest, since those
    /// are faster than a busy one is with a further lane.
    fn share(&self, at_rest: bool) -> usize {
        let (waiting, sharers) = (self.waiting.len(), self.resting + 1);
        if at_rest {
            waiting.div_ceil(sharers)
        } else {
            waiting / sharers
        }
    }

    /// Takes so many jobs from the front, and counts how long they have waited.
    fn begin(&mut self, share: usize) -> Vec<Box<dyn QueuedJob>> {
        let Self { waiting, waits, .. } = self;
        let begun = waiting.drain(..share).map(|Waiting { job, since }| {
            waits.count(since.elapsed());
            job
        });
        begun.collect()
    }

    fn take_unawaited(&mut self) -> Vec<Waiting> {
        let (awaited, left) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting: &Waiting| waiting.job.is_awaited());
        self.waiting = awaited;
        left.into()
    }
}

impl Requester {
    fn network(&self) -> Option<Prefix> {
        match self {
            Self::Anybody => None,
            Self::Known { network, .. } | Self::Stranger(network) => *network,
        }
    }

    fn account(self) -> Option<EmailKey> {
        match self {
            Self::Anybody | Self::Stranger(_) => None,
            Self::Known { account, .. } => Some(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bcrypt_lanes::{Digest, Input};

    struct Idle;

    impl QueuedJob for Idle {
        fn is_awaited(&self) -> bool {
            true
        }

        fn begin(self: Box<Self>) -> Option<(Input, Box<dyn QueuedJob>)> {
            None
        }

        fn proceed(self: Box<Self>, _: &Digest) -> Option<(Input, Box<dyn QueuedJob>)> {
            None
        }
    }

    #[test]
    fn jobs_are_spread_over_the_threads_that_have_nothing_to_do() {
        for (waiting, at_rest, others_at_rest, share) in [
            (1, true, 0, 1),
            (1, true, 1, 1),
            (2, true, 1, 1),
            (5, true, 1, 3),
            (5, true, 0, 5),
            (1, false, 0, 1),
            (5, false, 0, 5),
            (1, false, 1, 0),
            (3, false, 1, 1),
        ] {
            let state = State {
                waiting: (0..waiting)
                    .map(|_| Waiting {
                        job: Box::new(Idle),
                        since: Instant::now(),
                    })
                    .collect(),
                waits: Waits::default(),
                resting: others_at_rest,
                places_taken: 0,
                networks: HashMap::new(),
                kept: HashMap::new(),
                rounds: 0,
                paces: Vec::new(),
                closed: false,
                refusals: OverloadLog::default(),
            };
            let case = format!("{waiting} wait, at rest: {at_rest}, {others_at_rest} others");
            assert_eq!(state.share(at_rest), share, "{case}");
        }
    }
}
