//! The monitor thread of a SQLite file. It checks the file's integrity in small steps, and warns
//! if the write-ahead log cannot be checkpointed.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::db::{DB, DatabaseStats, DbError, IntegrityWalk, Step, Unavailable, WalStats};

/// The lowest priority: requests come first.
const NICE: i32 = 19;

/// The pause after a step, as a multiple of the step's time: at most 5 % of a core.
const PAUSE: u32 = 19;

/// How often the log repeats that the write-ahead log is large.
const REMINDER: Duration = Duration::from_secs(300);

/// The pause before a failed check is tried again.
const RETRY: Duration = Duration::from_secs(600);

/// The times of the monitor's checks, and the size from which it warns.
#[derive(Debug, Clone, Copy)]
pub struct MonitorSettings {
    /// The time from the start of the service to the first integrity check.
    pub first_check_after: Duration,
    /// The time from the end of a check to the next one.
    pub check_every: Duration,
    /// How often the size of the write-ahead log is checked.
    pub wal_look_every: Duration,
    /// The size of the write-ahead log from which the monitor warns.
    pub wal_warning_bytes: u64,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            first_check_after: Duration::from_secs(5),
            check_every: Duration::from_secs(24 * 3600),
            wal_look_every: Duration::from_secs(10),
            wal_warning_bytes: 256 * MB,
        }
    }
}

const MB: u64 = 1024 * 1024;

/// The handle of the thread, which ends when this is dropped.
pub(in crate::auth) struct DatabaseMonitor {
    /// Dropped to end the thread. Nothing is sent.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DatabaseMonitor {
    pub(in crate::auth) fn start(db: DB, settings: MonitorSettings) -> io::Result<Self> {
        let (running, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("db-monitor".into())
            .spawn(move || {
                if let Err(error) = rustix::process::nice(NICE) {
                    log::warn!("the integrity check runs at normal priority: {error}");
                }
                let watch = || watch(&db, settings, &ended);
                while panic::catch_unwind(AssertUnwindSafe(watch)).is_err() {
                    log::error!("the database monitor panicked and starts again");
                }
            })?;
        Ok(Self {
            running: Some(running),
            thread: Some(thread),
        })
    }
}

impl Drop for DatabaseMonitor {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the database monitor ended with a panic");
        }
    }
}

fn watch(db: &DB, settings: MonitorSettings, ended: &Receiver<()>) {
    let (mut check, mut wal) = (None, WalWatch::default());
    let mut next_step = Instant::now() + settings.first_check_after;
    let mut next_look = Instant::now();
    loop {
        let wait = next_step
            .min(next_look)
            .saturating_duration_since(Instant::now());
        if ended.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        if next_look <= Instant::now() {
            wal.look(db, settings.wal_warning_bytes);
            next_look = Instant::now() + settings.wal_look_every;
        }
        if next_step <= Instant::now() {
            let begun = Instant::now();
            let pause = match Check::advance(&mut check, db) {
                Ok(Step::Rows(_)) => begun.elapsed() * PAUSE,
                Ok(Step::Done) | Err(DbError::Unavailable(Unavailable::Damaged(_))) => {
                    settings.check_every
                }
                Err(_) => RETRY,
            };
            next_step = Instant::now() + pause;
        }
    }
}

/// A running integrity check.
struct Check {
    walk: IntegrityWalk,
    begun: Instant,
    rows: u64,
}

impl Check {
    /// Begins a check, or runs its next step. Clears the slot when the check ends.
    fn advance(slot: &mut Option<Self>, db: &DB) -> Result<Step, DbError> {
        let outcome = match slot {
            Some(check) => check.step(db),
            None => match Self::begin(db) {
                Ok(Some(check)) => {
                    *slot = Some(check);
                    Ok(Step::Rows(0))
                }
                Ok(None) => Ok(Step::Done),
                Err(error) => {
                    log::warn!("the integrity check cannot begin: {error}");
                    Err(error)
                }
            },
        };
        if !matches!(outcome, Ok(Step::Rows(_))) {
            *slot = None;
        }
        outcome
    }

    fn begin(db: &DB) -> Result<Option<Self>, DbError> {
        let Some(walk) = db.begin_integrity_walk()? else {
            return Ok(None);
        };
        log::info!("the integrity check of the database begins, in the background");
        Ok(Some(Self {
            walk,
            begun: Instant::now(),
            rows: 0,
        }))
    }

    fn step(&mut self, db: &DB) -> Result<Step, DbError> {
        let outcome = db.step_integrity_walk(&mut self.walk);
        let Self { rows, begun, .. } = self;
        let seconds = begun.elapsed().as_secs();
        match &outcome {
            Ok(Step::Rows(more)) => *rows += more,
            Ok(Step::Done) => log::info!(
                "the integrity check found no damage: {rows} rows and index entries in {seconds} s"
            ),
            Err(error @ DbError::Unavailable(Unavailable::Damaged(_))) => log::error!(
                "the integrity check found damage after {rows} rows and index entries, \
                 {seconds} s: {error}"
            ),
            Err(error) => log::warn!("the integrity check cannot continue: {error}"),
        }
        outcome
    }
}

/// Watches the size of the write-ahead log.
#[derive(Default)]
struct WalWatch(Option<Ongoing>);

struct Ongoing {
    since: Instant,
    logged: Option<Instant>,
}

impl WalWatch {
    fn look(&mut self, db: &DB, limit: u64) {
        let mut cause = String::new();
        if size(db) >= limit {
            cause = match db.checkpoint() {
                Ok(stats) => describe(stats.as_ref()),
                Err(error) => format!("the checkpoint failed: {error}"),
            };
        }
        // Checked again: a large transaction leaves a large log too, which the checkpoint empties.
        let bytes = size(db);
        if bytes < limit {
            if let Some(lasted) = self.end() {
                let (seconds, megabytes) = (lasted.as_secs(), bytes / MB);
                log::info!(
                    "wal_large is over after {seconds} s: the write-ahead log has {megabytes} MB"
                );
            }
        } else if let Some(lasted) = self.begin(Instant::now()) {
            let (seconds, megabytes) = (lasted.as_secs(), bytes / MB);
            log::warn!(
                "wal_large: the write-ahead log has {megabytes} MB, for {seconds} s: {cause}"
            );
        }
    }

    /// Notes that the log is large. Returns for how long, if that has to be logged: at most once
    /// in five minutes.
    fn begin(&mut self, now: Instant) -> Option<Duration> {
        let ongoing = self.0.get_or_insert(Ongoing {
            since: now,
            logged: None,
        });
        if ongoing.logged.is_some_and(|logged| now < logged + REMINDER) {
            return None;
        }
        ongoing.logged = Some(now);
        Some(now.duration_since(ongoing.since))
    }

    /// Notes that the log is small. Returns how long it was large, if it was.
    fn end(&mut self) -> Option<Duration> {
        self.0.take().map(|ongoing| ongoing.since.elapsed())
    }
}

fn size(db: &DB) -> u64 {
    db.stats().map_or(0, |stats| stats.wal_bytes)
}

fn describe(stats: Option<&WalStats>) -> String {
    match stats {
        Some(stats) if stats.blocked_pages > 0 => {
            let who = if stats.readers.is_empty() {
                "a reader that the system does not name".to_owned()
            } else {
                format!("process {}", stats.readers.join(", process "))
            };
            format!(
                "{who} reads an old snapshot of the database, and {} pages cannot be checkpointed \
                 until it ends; end its transaction or the process",
                stats.blocked_pages
            )
        }
        Some(_) | None => "no reader blocks it; the next writes reuse it".to_owned(),
    }
}

impl crate::auth::Auth {
    /// Starts the monitor of a SQLite file: it checks the integrity in the background and warns
    /// if the write-ahead log grows. Does nothing on PostgreSQL.
    ///
    /// # Errors
    /// [`io::Error`] if the thread cannot be started.
    pub fn with_monitor(self, settings: MonitorSettings) -> io::Result<Self> {
        if self.db.stats().is_none() {
            return Ok(self);
        }
        let monitor = DatabaseMonitor::start(self.db.clone(), settings)?;
        Ok(Self {
            _monitor: Some(monitor.into()),
            ..self
        })
    }

    /// Damage, progress of the integrity check, and size of the write-ahead log. None on
    /// PostgreSQL.
    #[must_use]
    pub fn database_stats(&self) -> Option<DatabaseStats> {
        self.db.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_wal_is_logged_every_five_minutes() {
        let (mut watch, start) = (WalWatch::default(), Instant::now());
        assert_eq!(watch.begin(start), Some(Duration::ZERO));
        assert_eq!(watch.begin(start + REMINDER / 2), None);
        assert_eq!(watch.begin(start + REMINDER), Some(REMINDER));
        assert!(watch.end().is_some());
        assert!(watch.end().is_none());
    }

    #[test]
    fn warning_names_the_reader_and_the_remedy() {
        let stats = WalStats {
            blocked_pages: 70_000,
            readers: vec!["4711 (sqlite3)".to_owned()],
        };
        let text = describe(Some(&stats));
        for part in [
            "process 4711 (sqlite3)",
            "70000 pages",
            "end its transaction",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
