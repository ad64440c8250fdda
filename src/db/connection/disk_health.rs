//! Disk health: whether commits still reach the disk, as the last writes have shown, and whether
//! the database was moved.

use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::db::{DbError, Unavailable};

/// How often the log repeats that the disk refuses writes.
const REMINDER: Duration = Duration::from_secs(60);

/// Why a process has to open its database again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestartCause {
    /// The disk lost a commit: the error of SQLite.
    CommitLost(String),
    /// The database was moved to another one.
    Moved,
}

/// Shared by the clones of a `DB`.
#[derive(Clone)]
pub(in crate::db) struct DiskHealth(Arc<Shared>);

struct Shared {
    /// The write-ahead log of SQLite; none on PostgreSQL, whose operator watches its disk.
    wal: Option<PathBuf>,
    /// Why no write may follow and the process has to restart, if so.
    restart: watch::Sender<Option<RestartCause>>,
    /// Whether another database is served, so that this one's rows are out of date.
    refuses_reads: AtomicBool,
    refusal: Mutex<DiskRefusal>,
}

/// The state of a disk that refuses writes.
#[derive(Default)]
struct DiskRefusal {
    /// Why it refuses them, while it does.
    event: Option<&'static str>,
    /// The last log line, and when it was written.
    told: Option<(&'static str, Instant)>,
    /// Whether the end of the refusal still has to be logged.
    open: bool,
}

impl DiskRefusal {
    /// Notes a refused write. Returns whether to log it: at most once a minute, even if small
    /// writes succeed in between.
    fn begin(&mut self, event: &'static str, now: Instant) -> bool {
        self.event = Some(event);
        let quiet = self
            .told
            .is_some_and(|(told, at)| told == event && now < at + REMINDER);
        if !quiet {
            self.told = Some((event, now));
            self.open = true;
        }
        !quiet
    }

    /// Notes a successful write. Returns the event whose end has to be logged, if any.
    fn end(&mut self) -> Option<&'static str> {
        let event = self.event.take();
        let open = std::mem::take(&mut self.open);
        event.filter(|_| open)
    }
}

impl DiskHealth {
    pub(in crate::db) fn new(wal: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            wal,
            restart: watch::Sender::new(None),
            refuses_reads: AtomicBool::new(false),
            refusal: Mutex::default(),
        }))
    }

    /// Runs a write, unless a commit was lost, and notes its outcome. `proof` is whether success
    /// means that something was really written.
    pub(in crate::db) fn during<T>(
        &self,
        proof: bool,
        write: impl FnOnce() -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if self.needs_restart() {
            return Err(Unavailable::ShuttingDown.into());
        }
        match write() {
            Ok(value) => {
                if proof && let Some(event) = self.refusal().end() {
                    log::info!("{event} is over: the database can be written again");
                }
                Ok(value)
            }
            Err(DbError::Unavailable(Unavailable::CommitFailed(error))) => {
                if self.is_read_only() {
                    let error = Unavailable::ReadOnly(error);
                    self.refused(&error);
                    return Err(error.into());
                }
                self.end(RestartCause::CommitLost(error.to_string()));
                Err(Unavailable::CommitFailed(error).into())
            }
            Err(DbError::Unavailable(error @ Unavailable::Moved(_))) => {
                self.moved();
                Err(error.into())
            }
            Err(error) => {
                if let DbError::Unavailable(cause) = &error {
                    self.refused(cause);
                }
                Err(error)
            }
        }
    }

    /// Notes that the database was moved.
    pub(in crate::db) fn moved(&self) {
        self.end(RestartCause::Moved);
    }

    /// Notes that another database is served instead.
    pub(in crate::db) fn refuse_reads(&self) {
        self.0.refuses_reads.store(true, Ordering::Release);
    }

    /// Whether another database is served instead.
    pub(in crate::db) fn refuses_reads(&self) -> bool {
        self.0.refuses_reads.load(Ordering::Acquire)
    }

    /// Keeps the first cause.
    fn end(&self, cause: RestartCause) {
        self.0.restart.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(cause);
            is_first
        });
    }

    /// Whether a commit was lost, or the database was moved.
    pub(in crate::db) fn needs_restart(&self) -> bool {
        self.0.restart.borrow().is_some()
    }

    /// Whether the last write was refused by the disk.
    pub(in crate::db) fn refuses(&self) -> bool {
        self.refusal().event.is_some()
    }

    /// Whether the file system has become read-only, or the permission to write was removed.
    /// Tests by opening the write-ahead log, without writing. It does not open the database
    /// file: closing that would release SQLite's locks.
    pub(in crate::db) fn is_read_only(&self) -> bool {
        let Some(wal) = &self.0.wal else {
            return false;
        };
        let opened = OpenOptions::new().write(true).open(wal);
        opened.is_err_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
            )
        })
    }

    /// Resolves with the cause once a commit was lost, or the database was moved.
    pub(in crate::db) fn restart(&self) -> impl Future<Output = RestartCause> + Send + use<> {
        let mut restart = self.0.restart.subscribe();
        async move {
            let cause = match restart.wait_for(Option::is_some).await {
                Ok(cause) => cause.clone(),
                Err(_) => None,
            };
            match cause {
                Some(cause) => cause,
                // The database is closed, so nothing can happen to it any more.
                None => std::future::pending().await,
            }
        }
    }

    /// Logs why the disk refuses writes, with the remedy.
    fn refused(&self, cause: &Unavailable) {
        let (event, remedy) = match cause {
            Unavailable::Full(_) => ("storage_full", "free space on the database's disk"),
            Unavailable::ReadOnly(_) => (
                "storage_read_only",
                "make the database's files and its file system writable again",
            ),
            Unavailable::Pool(_)
            | Unavailable::InUse
            | Unavailable::ConnectionLost(_)
            | Unavailable::CommitUnknown(_)
            | Unavailable::Conflict(_)
            | Unavailable::Busy(_)
            | Unavailable::DeadlineExceeded
            | Unavailable::NotWritable
            | Unavailable::CommitFailed(_)
            | Unavailable::Moved(_)
            | Unavailable::ShuttingDown
            | Unavailable::Schema
            | Unavailable::Pooler(_)
            | Unavailable::Damaged(_) => return,
        };
        if self.refusal().begin(event, Instant::now()) {
            log::error!(
                "{event}: {cause}. Writes are answered 503 until this is fixed, reads continue: \
                 {remedy}. No restart is needed"
            );
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn refusal(&self) -> MutexGuard<'_, DiskRefusal> {
        let refusal = &self.0.refusal;
        refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};

    use super::*;

    fn failure() -> DieselError {
        let text = "disk I/O error".to_owned();
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text))
    }

    fn write(storage: &DiskHealth, outcome: Result<(), DbError>) -> Option<Unavailable> {
        match storage.during(true, || outcome) {
            Err(DbError::Unavailable(cause)) => Some(cause),
            Ok(()) | Err(_) => None,
        }
    }

    #[test]
    fn f24_after_a_lost_commit_all_writes_are_refused() {
        let storage = DiskHealth::new(None);
        assert!(write(&storage, Ok(())).is_none());
        let lost = Unavailable::CommitFailed(failure()).into();
        assert!(matches!(
            write(&storage, Err(lost)),
            Some(Unavailable::CommitFailed(_))
        ));
        let mut tried = false;
        let outcome = storage.clone().during(true, || {
            tried = true;
            Ok(())
        });
        assert!(!tried);
        assert!(matches!(
            outcome,
            Err(DbError::Unavailable(Unavailable::ShuttingDown))
        ));
        assert!(storage.needs_restart());
    }

    #[test]
    fn f02_a_refusal_lasts_until_a_real_write_succeeds() {
        let storage = DiskHealth::new(None);
        write(&storage, Err(Unavailable::Full(failure()).into()));
        assert!(storage.refuses());
        assert!(storage.during(false, || Ok(())).is_ok());
        assert!(storage.refuses());
        write(&storage, Ok(()));
        assert!(!storage.refuses());
        assert!(!storage.needs_restart());
    }

    #[test]
    fn f02_an_intermittent_refusal_is_logged_once_a_minute() {
        let mut refusal = DiskRefusal::default();
        let start = Instant::now();
        assert!(refusal.begin("storage_full", start));
        assert!(!refusal.begin("storage_full", start));
        assert_eq!(refusal.end(), Some("storage_full"));
        assert_eq!(refusal.end(), None);
        let soon = start + REMINDER / 2;
        assert!(!refusal.begin("storage_full", soon));
        assert_eq!(refusal.end(), None);
        assert!(refusal.begin("storage_read_only", soon));
        assert!(refusal.begin("storage_full", start + REMINDER));
    }
}
