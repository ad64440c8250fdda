//! The cleanup thread, which removes expired sessions, tokens, known clients, rate limits and audit
//! events, and rate limits beyond the cap.
//!
//! It works in short batches with a pause between them, so that a request waits for at most one
//! batch.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::db::{DB, DbError};

/// Rows in one batch, which takes a writer some milliseconds. A request adds at most three rows,
/// so that one batch for each request removes faster than requests can add.
const BATCH: u32 = 250;

/// The pause between two batches, and between two checks if nothing has to be removed.
const PAUSE: Duration = Duration::from_millis(10);
const REST: Duration = Duration::from_secs(10);

/// An estimate of how many rows can be added per second. The table is counted again before it
/// could be full at this rate, and at least once a minute.
const FILL_RATE: u32 = 5_000;
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The largest number of rows that one read counts.
const LONGEST_STEP: u32 = 10_000;

/// What is removed by number and by age.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct CleanupSettings {
    /// How many rows the table of rate limits may have.
    pub(in crate::auth) limit_rows: u32,
    /// After how long audit events are removed; none for never.
    pub(in crate::auth) audit_retention: Option<Duration>,
}

pub(in crate::auth) struct Cleanup {
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cleanup {
    pub(in crate::auth) fn start(db: &DB, settings: CleanupSettings) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let cleaner = Cleaner::new(db.in_background(), settings);
        let thread = thread::Builder::new()
            .name("cleanup".into())
            .spawn(move || run(cleaner, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the cleanup thread panicked");
        }
    }
}

fn run(mut cleaner: Cleaner, stopped: &Receiver<()>) {
    let mut pause = Duration::from_secs(1);
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = cleaner.step().unwrap_or_else(|error| {
            log::log!(
                error.background_level(),
                "expired rows are not removed, next try in 10 s: {error}"
            );
            REST
        });
    }
}

/// The cleanup's progress from batch to batch.
struct Cleaner {
    db: DB,
    settings: CleanupSettings,
    /// How many rows one read counts.
    step: u32,
    /// How many rows were counted so far, and the last key of these.
    counted: u32,
    counted_to: Option<String>,
    /// When the table is counted again.
    count_at: Instant,
    /// How many rows have to be evicted.
    surplus: u32,
}

impl Cleaner {
    fn new(db: DB, settings: CleanupSettings) -> Self {
        Self {
            db,
            settings,
            step: (settings.limit_rows / 10).clamp(1, LONGEST_STEP),
            counted: 0,
            counted_to: None,
            count_at: Instant::now(),
            surplus: 0,
        }
    }

    /// Runs one short step, and returns the pause before the next one. Blocks.
    fn step(&mut self) -> Result<Duration, DbError> {
        let mut removed = self.db.remove_expired_limits(BATCH)?;
        removed = removed.max(self.db.remove_forgotten_clients(BATCH)?);
        removed = removed.max(self.db.remove_expired_sessions(BATCH)?);
        removed = removed.max(self.db.remove_old_session_ends(BATCH)?);
        removed = removed.max(self.db.remove_expired_tokens(BATCH)?);
        removed = removed.max(self.db.remove_expired_logins(BATCH)?);
        removed = removed.max(self.db.remove_pending_totp(BATCH)?);
        removed = removed.max(self.db.remove_expired_challenges(BATCH)?);
        removed = removed.max(self.db.remove_old_factor_changes(BATCH)?);
        if let Some(retention) = self.settings.audit_retention {
            let oldest = self.db.clock().now().minus(retention);
            removed = removed.max(self.db.remove_old_audit_events(oldest, BATCH)?);
        }
        if removed >= BATCH as usize {
            return Ok(PAUSE);
        }
        if self.surplus > 0 {
            self.evict()?;
            return Ok(PAUSE);
        }
        self.db.drop_planner_statistics()?;
        if Instant::now() < self.count_at {
            return Ok(REST);
        }
        self.count()?;
        Ok(PAUSE)
    }

    fn evict(&mut self) -> Result<(), DbError> {
        let batch = self.surplus.min(BATCH);
        let evicted = self.db.remove_surplus_limits(batch)?;
        self.surplus -= batch;
        if evicted == 0 {
            // All remaining rows are at their limit.
            self.surplus = 0;
            self.count_at = Instant::now() + REST;
        }
        Ok(())
    }

    /// Counts a further part of the table. At its end, decides how many rows to evict.
    fn count(&mut self) -> Result<(), DbError> {
        let behind = self
            .db
            .limit_behind(self.counted_to.as_deref(), self.step)?;
        if behind.is_some() {
            self.counted = self.counted.saturating_add(self.step);
            self.counted_to = behind;
            return Ok(());
        }
        let counted = std::mem::take(&mut self.counted);
        self.counted_to = None;
        let surplus = counted.saturating_sub(self.settings.limit_rows);
        // Another instance may evict the same surplus: the table is counted again in between.
        self.surplus = surplus.min((self.settings.limit_rows / 4).max(1));
        if surplus == 0 {
            let room =
                Duration::from_secs(u64::from((self.settings.limit_rows - counted) / FILL_RATE));
            self.count_at = Instant::now() + room.clamp(REST, LONGEST_REST);
        }
        Ok(())
    }
}
