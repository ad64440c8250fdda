//! Logs outages: times in which no connection to the database can be opened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::condition_log::{ConditionLog, Line};

/// How long connections have to fail before an outage is logged. A server that restarts in less
/// time affects no client.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shared by the pools of a database. The pools retry as long as requests need connections, so
/// that this sees when an outage begins and ends.
#[derive(Debug, Clone, Default)]
pub(in crate::db) struct ConnectionOutage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Read without the lock, for each connection that is opened.
    lasts: AtomicBool,
    lasting: Mutex<ConditionLog>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            lasts: AtomicBool::new(false),
            lasting: Mutex::new(ConditionLog::after(PATIENCE)),
        }
    }
}

impl ConnectionOutage {
    /// Notes that a connection could not be opened.
    pub(in crate::db) fn goes_on(&self, cause: &str) {
        let line = {
            let mut lasting = self.lasting();
            self.0.lasts.store(true, Ordering::Release);
            lasting.goes_on(Instant::now())
        };
        // libpq's error has a line for each host that it tried.
        let cause = || cause.split_whitespace().collect::<Vec<_>>().join(" ");
        match line {
            None => {}
            Some(Line::Begins) => log::error!(
                "no connection to the database can be opened: {}. Requests that need it are \
                 answered 503. The service connects again by itself: do not restart it",
                cause()
            ),
            Some(Line::Lasts(length)) => log::error!(
                "no connection to the database can be opened since {} min: {}",
                length.as_secs() / 60,
                cause()
            ),
        }
    }

    /// Notes that a connection was opened.
    pub(in crate::db) fn is_over(&self) {
        if !self.0.lasts.load(Ordering::Acquire) {
            return;
        }
        let length = {
            let mut lasting = self.lasting();
            self.0.lasts.store(false, Ordering::Release);
            lasting.is_over(Instant::now())
        };
        if let Some(length) = length {
            log::info!(
                "the database can be reached again, after {} s",
                length.as_secs()
            );
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lasting(&self) -> MutexGuard<'_, ConditionLog> {
        let lasting = &self.0.lasting;
        lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
