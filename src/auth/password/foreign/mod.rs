//! Checks of foreign hashes, on threads of their own.
//!
//! A foreign check takes another time than a bcrypt hash, so that a failed login could tell that
//! an account was imported. Therefore every failed login takes a time slot here while there are
//! foreign hashes, for all accounts and for unknown ones: a foreign hash is computed in it, and
//! the rest of the slot is waited for. The slot is as long as the longest check was measured. All
//! wait in one queue, so that its length tells nothing either.

mod crypt_base64;
mod derive;
pub(super) mod md5_crypt;
mod slots;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::auth::HashError;
use crate::db::{DB, DbError};
use crate::domain::{ForeignHash, Password};
use slots::{Job, Slots};

/// How often the parameters of the stored foreign hashes are read: an import while the service
/// runs may add some.
const REFRESH: Duration = Duration::from_secs(10);

/// Threads for each hashing thread: those that only wait for the end of a slot take no core.
const THREADS_EACH: usize = 4;

/// The threads that check foreign hashes. They start with the first foreign hash.
pub(in crate::auth) struct ForeignChecks {
    slots: Arc<Slots>,
    threads: usize,
    /// Whether the threads were started, and when the parameters were read.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_started: bool,
    refreshed_at: Option<Instant>,
}

impl ForeignChecks {
    pub(in crate::auth) fn new(hash_threads: NonZeroUsize) -> Self {
        Self {
            slots: Arc::default(),
            threads: hash_threads.get().saturating_mul(THREADS_EACH),
            state: Mutex::default(),
        }
    }

    /// Reads which foreign hashes there are, if that was some time ago. Blocks for a lookup.
    pub(in crate::auth) fn refresh(&self, db: &DB) -> Result<(), DbError> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let is_fresh = |at: Instant| now.duration_since(at) < REFRESH;
            if state.refreshed_at.is_some_and(is_fresh) {
                return Ok(());
            }
            state.refreshed_at = Some(now);
        }
        for hash in db.foreign_hash_parameters()? {
            self.slots.learn(&hash);
        }
        Ok(())
    }

    /// Whether this is the password of a foreign hash. Without a hash it is false, after the same
    /// time; at once if there are no foreign hashes.
    ///
    /// # Errors
    /// [`HashError::NoAnswer`] if the service is shutting down.
    pub(in crate::auth) async fn check(
        &self,
        hash: Option<ForeignHash>,
        password: &Password,
    ) -> Result<bool, HashError> {
        if let Some(hash) = &hash {
            self.slots.learn(hash);
        }
        if !self.slots.has_any() {
            return Ok(false);
        }
        self.start();
        let (sender, answer) = oneshot::channel();
        self.slots.push(Job {
            hash,
            password: password.clone(),
            sender,
        });
        answer.await.or(Err(HashError::NoAnswer))
    }

    /// Starts the threads, once. They end when this is dropped.
    fn start(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_started {
            return;
        }
        state.is_started = true;
        for number in 0..self.threads {
            let slots = Arc::clone(&self.slots);
            let thread = thread::Builder::new().name(format!("foreign-{number}"));
            if let Err(error) = thread.spawn(move || slots.work()) {
                log::error!("cannot start a thread for the hashes of other systems: {error}");
            }
        }
    }
}

impl Drop for ForeignChecks {
    /// Ends the threads and drops all waiting checks. Nothing waits for a check that runs.
    fn drop(&mut self) {
        self.slots.close();
    }
}
