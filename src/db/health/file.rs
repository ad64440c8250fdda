//! The health of a SQLite file: damage, and the progress of the integrity check.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::db::connection::manager::Target;
use crate::db::connection::sqlite::Location;
use crate::db::sqlite::{IntegrityWalk, Step, WalStats};
use crate::db::{DB, DbError, Unavailable};
use crate::domain::Timestamp;

/// How often the log repeats that the file is damaged.
const REMINDER: Duration = Duration::from_secs(60);

/// The state of the database file.
#[derive(Debug, Clone, Default)]
pub struct DatabaseStats {
    /// The damage, until a check passes or the process restarts.
    pub damage: Option<String>,
    /// The integrity check in the background.
    pub integrity: IntegrityStats,
    /// Size of the write-ahead log in bytes.
    pub wal_bytes: u64,
}

/// The progress of the integrity check.
#[derive(Debug, Clone, Default)]
pub struct IntegrityStats {
    /// The table or index that is being checked, while a check runs.
    pub checking: Option<String>,
    /// Rows and index entries checked since the process started.
    pub rows: u64,
    /// When a complete check last found no damage.
    pub last_success: Option<Timestamp>,
}

/// Shared by the clones of a `DB`.
#[derive(Clone)]
pub(in crate::db) struct FileHealth(Arc<Shared>);

struct Shared {
    /// None on PostgreSQL, whose operator checks its files.
    location: Option<Location>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    damage: Option<Damage>,
    logged: Option<Instant>,
    integrity: IntegrityStats,
}

struct Damage {
    cause: String,
    seen: Instant,
}

impl FileHealth {
    pub(in crate::db) fn new(target: &Target) -> Self {
        let location = match target {
            Target::Sqlite(location) => Some(location.clone()),
            Target::Postgres(_) => None,
        };
        Self(Arc::new(Shared {
            location,
            state: Mutex::default(),
        }))
    }

    /// Remembers damage that an operation has met.
    pub(in crate::db) fn learn(&self, error: &DbError) {
        if let DbError::Unavailable(Unavailable::Damaged(cause)) = error {
            self.found(cause);
        }
    }

    pub(in crate::db) fn damage(&self) -> Option<String> {
        let state = self.state();
        state.damage.as_ref().map(|damage| damage.cause.clone())
    }

    fn found(&self, cause: &str) {
        let now = Instant::now();
        let mut state = self.state();
        state.damage = Some(Damage {
            cause: cause.to_owned(),
            seen: now,
        });
        if state.logged.is_some_and(|at| now < at + REMINDER) {
            return;
        }
        state.logged = Some(now);
        drop(state);
        log::error!(
            "database_damaged: {cause}; requests that need the damaged part are answered 503, \
             and so is /readyz; list the damage with `bienvenue db check`, then stop the service \
             and restore a backup, or recover the readable rows with `sqlite3 FILE .recover`"
        );
    }

    /// Notes a complete check without a finding. It clears only damage seen before it began.
    fn passed(&self, begun: Instant, at: Timestamp) {
        let mut state = self.state();
        state.integrity.last_success = Some(at);
        if state
            .damage
            .as_ref()
            .is_some_and(|damage| damage.seen < begun)
        {
            state.damage = None;
            state.logged = None;
            drop(state);
            log::info!("database_damaged is over: the integrity check found no damage");
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DB {
    /// Damage, progress of the integrity check, and size of the write-ahead log. None on
    /// PostgreSQL. Blocks for reading the file's size.
    #[must_use]
    pub fn stats(&self) -> Option<DatabaseStats> {
        let location = self.file.0.location.as_ref()?;
        let wal_bytes = fs::metadata(location.wal()).map_or(0, |wal| wal.len());
        let damage = self.file.damage();
        Some(DatabaseStats {
            damage,
            integrity: self.file.state().integrity.clone(),
            wal_bytes,
        })
    }

    /// Begins an integrity check in small steps, on a read-only connection of its own. None on
    /// PostgreSQL. Blocks for opening it.
    ///
    /// # Errors
    /// [`DbError`] if the file cannot be opened or its schema cannot be read.
    pub fn begin_integrity_walk(&self) -> Result<Option<IntegrityWalk>, DbError> {
        let Some(location) = &self.file.0.location else {
            return Ok(None);
        };
        let walk = IntegrityWalk::begin(location);
        walk.inspect_err(|error| self.file.learn(error)).map(Some)
    }

    /// Runs one step of a check in a short read transaction, and remembers its finding. Blocks.
    ///
    /// # Errors
    /// [`Unavailable::Damaged`] with the finding, which ends the check. Other errors do not mean
    /// damage.
    pub fn step_integrity_walk(&self, walk: &mut IntegrityWalk) -> Result<Step, DbError> {
        let outcome = walk.step();
        let mut state = self.file.state();
        state.integrity.checking = None;
        match &outcome {
            Ok(Step::Rows(rows)) => {
                state.integrity.rows += rows;
                state.integrity.checking = walk.checking();
            }
            Ok(Step::Done) => {
                drop(state);
                self.file.passed(walk.begun(), self.settings.clock.now());
            }
            Err(error) => {
                drop(state);
                self.file.learn(error);
            }
        }
        outcome
    }

    /// Checkpoints the write-ahead log as far as readers allow. None on PostgreSQL. Blocks.
    ///
    /// # Errors
    /// [`DbError`] if the file cannot be opened or the checkpoint fails.
    pub fn checkpoint(&self) -> Result<Option<WalStats>, DbError> {
        let Some(location) = &self.file.0.location else {
            return Ok(None);
        };
        let outcome = WalStats::checkpoint(location);
        outcome
            .inspect_err(|error| self.file.learn(error))
            .map(Some)
    }
}
