//! The queue in front of the hashing threads: it grants permits and hands out jobs.

mod permit;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(in crate::auth) use permit::HashPermit;

use super::job::Job;
use super::overload_log::OverloadLog;
use super::{AuthError, HasherSettings, HasherStats, LANES, WaitHistogram};
use crate::domain::{IpPrefix, NormalizedEmail};

/// Seconds per round of a thread, assumed until it has been measured.
const ASSUMED_PACE: f64 = 25e-6;

/// The weight of the newest measurement, which covers half a millisecond, in a thread's pace.
/// With a larger one, a fast moment would admit clients that then wait beyond the deadline.
const WEIGHT_OF_NEWEST: f64 = 1.0 / 512.0;

/// A quarter of the permits, and of the deadline, is the most that one network may hold; and a
/// quarter of both is reserved for known clients.
const SHARES: usize = 4;
const SHARES_OF_TIME: u32 = 4;

/// How many of the reserved permits the known clients of one account may hold.
const KEPT_FOR_ONE: usize = 2;

/// The client that asks for a permit.
#[derive(Debug, Clone)]
pub(in crate::auth) enum Requester {
    /// The service itself, or any client where rate limits are off.
    Unlimited,
    /// A known client of this account, which found no unreserved permit.
    Known {
        network: Option<IpPrefix>,
        account: NormalizedEmail,
    },
    /// Any other client.
    Stranger(Option<IpPrefix>),
}

/// Jobs that wait for the hashing threads, in order of arrival.
pub(in crate::auth) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// The number of permits: for jobs that wait and jobs that run, together.
    places: usize,
    waiting: usize,
    threads: usize,
    deadline: Duration,
}

struct State {
    waiting: VecDeque<Waiting>,
    waits: WaitHistogram,
    /// Idle threads.
    resting: usize,
    places_taken: usize,
    /// The permits that each network holds.
    networks: HashMap<IpPrefix, Held>,
    /// How many reserved permits the known clients of each account hold.
    kept: HashMap<NormalizedEmail, usize>,
    /// Rounds of all permits that are held.
    rounds: u64,
    /// Seconds per round of each thread, with all its lanes in use.
    paces: Vec<f64>,
    closed: bool,
    refusals: OverloadLog,
}

/// The permits of one network.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    places: usize,
    rounds: u64,
}

struct Waiting {
    job: Job,
    since: Instant,
}

impl Queue {
    pub(super) fn new(settings: HasherSettings) -> Self {
        let threads = settings.threads.get();
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                waits: WaitHistogram::default(),
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

    /// Takes a permit for a hash of this many rounds. Never blocks.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] if it would wait too long, or if the queue is full.
    pub(in crate::auth) fn acquire_permit(
        self: &Arc<Self>,
        rounds: u64,
        whose: Requester,
    ) -> Result<HashPermit, AuthError> {
        let mut state = self.lock();
        // A new job waits until all permits that are held are used.
        let wait = state.time(state.rounds);
        let network = match &whose {
            Requester::Unlimited => None,
            Requester::Known { network, .. } | Requester::Stranger(network) => *network,
        };
        if self.has_used_its_share(&state, network) || !self.has_room(&state, wait, &whose) {
            let news = state.refusals.count(Instant::now());
            drop(state);
            if let Some(refused) = news {
                log::warn!(
                    "password hashing is overloaded ({} threads): {refused} requests refused since the last such line",
                    self.threads
                );
            }
            // After half of the wait, half of the queue is served and a permit is likely free.
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
        let account = match whose {
            Requester::Unlimited | Requester::Stranger(_) => None,
            Requester::Known { account, .. } => Some(account),
        };
        if let Some(account) = &account {
            *state.kept.entry(account.clone()).or_default() += 1;
        }
        drop(state);
        Ok(HashPermit {
            queue: Arc::clone(self),
            rounds,
            network,
            account,
            held: Arc::default(),
        })
    }

    /// Whether a known client would get a permit where an unknown one would not.
    pub(in crate::auth) fn keeps_permits(&self) -> bool {
        let state = self.lock();
        let wait = state.time(state.rounds);
        self.has_room(&state, wait, &Requester::Unlimited)
            && !self.has_room(&state, wait, &Requester::Stranger(None))
    }

    /// Whether a network holds its share of the permits, or of the deadline: where hashing is
    /// slow, a few permits fill the deadline. One permit per thread is always within the share.
    fn has_used_its_share(&self, state: &State, network: Option<IpPrefix>) -> bool {
        let held = network.and_then(|network| state.networks.get(&network));
        held.is_some_and(|held| {
            held.places >= self.places.div_ceil(SHARES)
                || held.places >= self.threads
                    && state.time(held.rounds) >= self.deadline / SHARES_OF_TIME
        })
    }

    fn has_room(&self, state: &State, wait: Duration, whose: &Requester) -> bool {
        // The reserved permits, and the part of the deadline, that this client may not use.
        let (places, time) = (self.places / SHARES, self.deadline / SHARES_OF_TIME);
        let (places, time) = match whose {
            Requester::Unlimited => (0, Duration::ZERO),
            Requester::Known { account, .. } => match state.kept.get(account) {
                None => (0, Duration::ZERO),
                // The first permit of other accounts comes before the second one of this.
                Some(held) if *held < KEPT_FOR_ONE => (places / 2, time / 2),
                Some(_) => return false,
            },
            Requester::Stranger(_) => (places, time),
        };
        state.places_taken < self.places - places && wait <= self.deadline.saturating_sub(time)
    }

    pub(super) fn push(&self, job: Job) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        // Cancelled jobs have returned their permits, so without this they would pile up
        // beyond the queue's limit while all threads are busy.
        let mut left = VecDeque::new();
        if state.waiting.len() > self.waiting {
            let waiting = std::mem::take(&mut state.waiting).into_iter();
            (state.waiting, left) = waiting.partition(|waiting| waiting.job.is_awaited());
        }
        let since = Instant::now();
        state.waiting.push_back(Waiting { job, since });
        drop(state);
        self.changed.notify_one();
        drop(left);
    }

    /// Takes jobs for the idle lanes of a thread, and records how long they waited. Blocks until there
    /// is one if the thread is idle. None once the queue is closed.
    pub(super) fn take(&self, thread: Thread) -> Option<Vec<Job>> {
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
        let State { waiting, waits, .. } = &mut *state;
        let begun = waiting.drain(..share).map(|Waiting { job, since }| {
            waits.count(since.elapsed());
            job
        });
        let jobs = begun.collect();
        if state.resting > 0 && !state.waiting.is_empty() {
            self.changed.notify_one();
        }
        Some(jobs)
    }

    /// Drops all waiting jobs and wakes all threads, which then end.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
        self.changed.notify_all();
    }

    pub(in crate::auth) fn stats(&self) -> HasherStats {
        let state = self.lock();
        HasherStats {
            waiting: state.waiting.len(),
            waiting_max: self.waiting,
            places_taken: state.places_taken,
            threads: self.threads,
            estimated_wait: state.time(state.rounds),
            waits: state.waits,
            refused: state.refusals.total(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that asks for jobs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thread {
    pub(super) number: usize,
    /// Whether all its lanes are idle.
    pub(super) at_rest: bool,
    pub(super) idle_lanes: usize,
    /// Seconds per round with all lanes in use, if that was measured just now.
    pub(super) pace: Option<f64>,
}

impl State {
    /// How long all threads together take for this many rounds.
    fn time(&self, rounds: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = rounds as f64 / self.paces.iter().map(|pace| 1.0 / pace).sum::<f64>();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many jobs one thread takes. They are spread over the idle threads first: an idle
    /// thread finishes a job sooner than a busy one that fills another lane.
    fn share(&self, at_rest: bool) -> usize {
        let (waiting, sharers) = (self.waiting.len(), self.resting + 1);
        if at_rest {
            waiting.div_ceil(sharers)
        } else {
            waiting / sharers
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                        job: Job::new(&Arc::default(), |_| async {}),
                        since: Instant::now(),
                    })
                    .collect(),
                waits: WaitHistogram::default(),
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
