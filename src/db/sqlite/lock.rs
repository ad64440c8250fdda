//! The lock of a running service on its SQLite file.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::db::{OpenError, OpenMode};
use crate::domain::DatabaseUrl;
use crate::ownership::give_to_folder_owner;

/// How often a start tries to take the lock, and the pause between two tries.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The lock that a service holds while it runs, so that a second service on the same SQLite file
/// is refused. Commands do not need it. The kernel releases it when the process ends in any way.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

impl InstanceLock {
    /// Takes the lock of a SQLite file. A PostgreSQL database, which several services may share,
    /// has none. Blocks for at most 0.1 seconds.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another service holds it, [`OpenError::File`] if the lock file
    /// beside the database cannot be created, [`OpenError::NotFound`] if the database does not
    /// exist and the open mode does not create it; then no lock file is created either.
    pub fn acquire(url: &DatabaseUrl, open: OpenMode) -> Result<Option<Self>, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                if open == OpenMode::Check && matches!(path.try_exists(), Ok(false)) {
                    return Err(OpenError::NotFound(path.to_owned()));
                }
                lock(path, ".lock").map(Some)
            }
            DatabaseUrl::Postgres(_) => Ok(None),
        }
    }

    /// Takes the lock of an online copy, of which one at a time reads a SQLite file. Blocks for at
    /// most 0.1 seconds.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another copy holds it, [`OpenError::File`] if the lock file beside
    /// the database cannot be created.
    pub(in crate::db) fn acquire_for_copy(database: &Path) -> Result<Self, OpenError> {
        lock(database, ".copying")
    }

    /// Whether the database is a SQLite file that no running service uses.
    ///
    /// # Errors
    /// [`OpenError::File`] if the lock file beside the database cannot be read.
    pub fn is_free(url: &DatabaseUrl) -> Result<bool, OpenError> {
        let DatabaseUrl::Sqlite(database) = url else {
            return Ok(false);
        };
        let path = lock_path(database, ".lock");
        let failed = |source| OpenError::File {
            path: path.clone(),
            source,
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The path of the lock file, beside the database file. Symbolic links are resolved first.
fn lock_path(database: &Path, ending: &str) -> PathBuf {
    let real = database.canonicalize();
    let mut name = OsString::from(real.as_deref().unwrap_or(database));
    name.push(ending);
    PathBuf::from(name)
}

fn lock(database: &Path, ending: &str) -> Result<InstanceLock, OpenError> {
    let path = lock_path(database, ending);
    let failed = |source| OpenError::File {
        path: path.clone(),
        source,
    };
    let file = open(&path).map_err(failed)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(InstanceLock { _file: file }),
            // A command that checks whether a service runs holds the lock for a moment.
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    Err(OpenError::InUse {
        path: database.to_owned(),
        cause: format!("it has locked {}", path.display()),
    })
}

/// Opens or creates the lock file.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            give_to_folder_owner(&file, path)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}
