//! What the disk under a database can do, as its last writes told.

use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::db::{DbError, Unavailable};

/// How often the log repeats that the disk refuses writes.
const REMINDER: Duration = Duration::from_secs(60);

/// Shared by the clones of a `DB`.
#[derive(Clone)]
pub(in crate::db) struct Storage(Arc<Shared>);

struct Shared {
    /// SQLite's log of writes; a server's disk is its operator's.
    wal: Option<PathBuf>,
    /// Why no write may follow, once a commit was lost.
    lost: watch::Sender<Option<String>>,
    refusal: Mutex<Refusal>,
}

/// A disk that takes no writes for now.
#[derive(Default)]
struct Refusal {
    /// What keeps it from them, while it does.
    event: Option<&'static str>,
    /// What the log said last, and when.
    told: Option<(&'static str, Instant)>,
    /// Whether the log still has to say that it is over.
    open: bool,
}

impl Refusal {
    /// Begins or goes on, and tells whether the log should say so: not more than once a
    /// minute, also where small writes get through in between.
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

    /// Ends, and gives what the log should call over.
    fn end(&mut self) -> Option<&'static str> {
        let event = self.event.take();
        let open = std::mem::take(&mut self.open);
        event.filter(|_| open)
    }
}

impl Storage {
    pub(in crate::db) fn new(wal: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            wal,
            lost: watch::Sender::new(None),
            refusal: Mutex::default(),
        }))
    }

    /// Lets a write through, unless a commit was lost, and learns from how it went. What
    /// succeeds without having written proves nothing: `proof` is false then.
    pub(in crate::db) fn during<T>(
        &self,
        proof: bool,
        write: impl FnOnce() -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if self.is_lost() {
            return Err(Unavailable::Ending.into());
        }
        match write() {
            Ok(value) => {
                if proof {
                    self.accepted();
                }
                Ok(value)
            }
            Err(DbError::Unavailable(Unavailable::NotWritten(error))) => {
                if self.is_read_only() {
                    let error = Unavailable::ReadOnly(error);
                    self.refused(&error);
                    return Err(error.into());
                }
                // The first cause is the one that counts.
                self.0.lost.send_if_modified(|lost| {
                    let first = lost.is_none();
                    lost.get_or_insert_with(|| error.to_string());
                    first
                });
                Err(Unavailable::NotWritten(error).into())
            }
            Err(error) => {
                if let DbError::Unavailable(cause) = &error {
                    self.refused(cause);
                }
                Err(error)
            }
        }
    }

    /// Whether a commit was lost.
    pub(in crate::db) fn is_lost(&self) -> bool {
        self.0.lost.borrow().is_some()
    }

    /// Whether the last write was refused by the disk.
    pub(in crate::db) fn refuses(&self) -> bool {
        self.refusal().event.is_some()
    }

    /// Whether the file system has become read-only, or somebody took the right to write.
    /// Opening for writing tells, and writes nothing. Not the database file itself: to close
    /// it would free SQLite's locks on it.
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

    /// Comes when a commit was lost, with the cause.
    pub(in crate::db) fn lost(&self) -> impl Future<Output = String> + Send + use<> {
        let mut lost = self.0.lost.subscribe();
        async move {
            let cause = match lost.wait_for(Option::is_some).await {
                Ok(cause) => cause.clone(),
                Err(_) => None,
            };
            match cause {
                Some(cause) => cause,
                // The database is gone, and nothing can be lost with it any more.
                None => std::future::pending().await,
            }
        }
    }

    /// The operator gets the cause and the remedy, and not once for each request.
    fn refused(&self, cause: &Unavailable) {
        let (event, remedy) = match cause {
            Unavailable::Full(_) => ("storage_full", "free space on the database's disk"),
            Unavailable::ReadOnly(_) => (
                "storage_read_only",
                "make the database's files and its file system writable again",
            ),
            Unavailable::Pool(_)
            | Unavailable::InUse
            | Unavailable::Lost(_)
            | Unavailable::Unknown(_)
            | Unavailable::Conflict(_)
            | Unavailable::Busy(_)
            | Unavailable::Late
            | Unavailable::NotWritable
            | Unavailable::NotWritten(_)
            | Unavailable::Ending
            | Unavailable::Schema
            | Unavailable::Pooler(_)
            | Unavailable::Damaged(_) => return,
        };
        if self.refusal().begin(event, Instant::now()) {
            log::error!(
                "{event}: {cause}; writes are answered 503 and reads go on until it is mended: \
                 {remedy}; no restart is needed"
            );
        }
    }

    fn accepted(&self) {
        if let Some(event) = self.refusal().end() {
            log::info!("{event} is over: the database is written again");
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned one is whole.
    fn refusal(&self) -> MutexGuard<'_, Refusal> {
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

    fn write(storage: &Storage, outcome: Result<(), DbError>) -> Option<Unavailable> {
        match storage.during(true, || outcome) {
            Err(DbError::Unavailable(cause)) => Some(cause),
            Ok(()) | Err(_) => None,
        }
    }

    #[test]
    fn f24_after_a_lost_commit_nothing_is_written_any_more() {
        let storage = Storage::new(None);
        assert!(write(&storage, Ok(())).is_none());
        let lost = Unavailable::NotWritten(failure()).into();
        assert!(matches!(
            write(&storage, Err(lost)),
            Some(Unavailable::NotWritten(_))
        ));
        let mut tried = false;
        let outcome = storage.clone().during(true, || {
            tried = true;
            Ok(())
        });
        assert!(!tried);
        assert!(matches!(
            outcome,
            Err(DbError::Unavailable(Unavailable::Ending))
        ));
        assert!(storage.0.lost.borrow().is_some());
    }

    #[test]
    fn f02_a_refusal_lasts_until_something_was_really_written() {
        let storage = Storage::new(None);
        write(&storage, Err(Unavailable::Full(failure()).into()));
        assert!(storage.refuses());
        assert!(storage.during(false, || Ok(())).is_ok());
        assert!(storage.refuses());
        write(&storage, Ok(()));
        assert!(!storage.refuses());
        assert!(storage.0.lost.borrow().is_none());
    }

    #[test]
    fn f02_the_log_is_told_once_a_minute_however_often_it_comes_and_goes() {
        let mut refusal = Refusal::default();
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
