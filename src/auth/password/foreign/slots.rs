//! The queue and the time slots of checks of foreign hashes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::derive::is_right;
use crate::domain::{ForeignHash, Kdf, Password};

/// The niceness of the threads, as of the hashing threads.
const NICE: i32 = 10;

/// The memory of all checks that run at once.
const MEMORY: usize = 128 * 1024 * 1024;

/// The longest slot. A check that takes longer, on a machine that stalls, is not waited for.
const SLOT_MAX: Duration = Duration::from_secs(3);

/// The weight of a shorter check in the length of the slot. A longer one sets it.
const WEIGHT_OF_SHORTER: u32 = 16;

/// A check that waits; without a hash, only for the time that it takes.
pub(super) struct Job {
    pub(super) hash: Option<ForeignHash>,
    pub(super) password: Password,
    pub(super) sender: oneshot::Sender<bool>,
}

#[derive(Default)]
pub(super) struct Slots {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    running: usize,
    /// The parameters of the foreign hashes that there are.
    known: Vec<Kdf>,
    /// Parameters whose time was not measured yet. Nothing else runs before.
    unmeasured: Vec<ForeignHash>,
    is_measuring: bool,
    slot: Duration,
    /// The parameters whose check takes as long as the slot.
    longest: Option<Kdf>,
    /// The memory of one check.
    memory: usize,
    closed: bool,
}

enum Work {
    Measure(ForeignHash),
    Check(Job),
}

impl Slots {
    /// Adds the parameters of a foreign hash.
    pub(super) fn learn(&self, hash: &ForeignHash) {
        let mut state = self.lock();
        if !state.known.contains(hash.kdf()) {
            state.known.push(*hash.kdf());
            state.memory = state.memory.max(hash.memory());
            state.unmeasured.push(hash.without_secret());
        }
    }

    /// Whether there are foreign hashes.
    pub(super) fn has_any(&self) -> bool {
        !self.lock().known.is_empty()
    }

    pub(super) fn push(&self, job: Job) {
        let mut state = self.lock();
        if !state.closed {
            state.waiting.push_back(job);
            drop(state);
            self.changed.notify_one();
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
        self.changed.notify_all();
    }

    /// Runs checks until the queue is closed.
    pub(super) fn work(&self) {
        if let Err(error) = rustix::process::nice(NICE) {
            log::warn!("cannot lower the priority of password hashing: {error}");
        }
        while let Some(work) = self.take() {
            let done = catch_unwind(AssertUnwindSafe(|| match work {
                Work::Measure(hash) => self.measure(&hash),
                Work::Check(job) => self.check(job),
            }));
            if done.is_err() {
                log::error!("a check of a hash of another system panicked");
            }
            let mut state = self.lock();
            state.running -= 1;
            state.is_measuring = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    fn take(&self) -> Option<Work> {
        let waits = |state: &mut State| !state.closed && !state.may_begin();
        let state = self.changed.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.running += 1;
        if let Some(hash) = state.unmeasured.pop() {
            state.is_measuring = true;
            return Some(Work::Measure(hash));
        }
        state.waiting.pop_front().map(Work::Check)
    }

    fn measure(&self, hash: &ForeignHash) {
        let Ok(password) = Password::parse("a password of usual length") else {
            return;
        };
        for _ in 0..2 {
            let begin = Instant::now();
            is_right(hash, &password);
            self.lock().note(hash.kdf(), begin.elapsed());
        }
    }

    fn check(&self, job: Job) {
        let Job {
            hash,
            password,
            sender,
        } = job;
        if sender.is_closed() {
            return;
        }
        let begin = Instant::now();
        let right = hash.as_ref().is_some_and(|hash| is_right(hash, &password));
        let elapsed = begin.elapsed();
        if let Some(hash) = &hash {
            self.lock().note(hash.kdf(), elapsed);
        }
        let slot = self.lock().slot;
        if !right {
            thread::sleep(slot.saturating_sub(elapsed));
        }
        // Fails only if the client has disconnected meanwhile.
        let _answered = sender.send(right).is_ok();
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_begin(&self) -> bool {
        if self.is_measuring {
            return false;
        }
        let at_once = match MEMORY.checked_div(self.memory) {
            Some(checks) => checks.max(1),
            None => usize::MAX,
        };
        if self.unmeasured.is_empty() {
            !self.waiting.is_empty() && self.running < at_once
        } else {
            self.running == 0
        }
    }

    fn note(&mut self, kdf: &Kdf, elapsed: Duration) {
        let elapsed = elapsed.min(SLOT_MAX);
        if elapsed >= self.slot {
            self.slot = elapsed;
            self.longest = Some(*kdf);
        } else if self.longest == Some(*kdf) {
            self.slot -= self.slot.saturating_sub(elapsed) / WEIGHT_OF_SHORTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(slots: &Slots, hash: Option<&str>) -> (bool, Duration) {
        let (sender, mut answer) = oneshot::channel();
        let begin = Instant::now();
        slots.check(Job {
            hash: hash.map(|hash| ForeignHash::parse(hash).unwrap()),
            password: Password::parse("wrong").unwrap(),
            sender,
        });
        (answer.try_recv().unwrap(), begin.elapsed())
    }

    #[test]
    fn every_failed_check_takes_the_longest_slot() {
        let digest = "00".repeat(32);
        let long = format!("pbkdf2:sha256:200000$salt${digest}");
        let short = format!("pbkdf2:sha256:1000$salt${digest}");
        let slots = Slots::default();
        for hash in [&long, &short] {
            slots.learn(&ForeignHash::parse(hash).unwrap());
        }
        let unmeasured = std::mem::take(&mut slots.lock().unmeasured);
        for hash in unmeasured {
            slots.measure(&hash);
        }
        let slot = slots.lock().slot;
        assert!(slot > Duration::from_millis(10), "{slot:?}");
        for hash in [None, Some(short.as_str()), Some(long.as_str())] {
            let slot = slots.lock().slot;
            let (right, took) = job(&slots, hash);
            assert!(
                !right && took >= slot * 9 / 10,
                "{hash:?}: {took:?} of {slot:?}"
            );
        }
    }

    #[test]
    fn without_foreign_hashes_there_is_no_slot() {
        let slots = Slots::default();
        assert!(!slots.has_any());
        slots.learn(&ForeignHash::parse(&format!("pbkdf2:sha1:1$s${}", "00".repeat(20))).unwrap());
        assert!(slots.has_any());
    }
}
