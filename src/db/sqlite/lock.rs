use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::{OpenError, OpenMode};
use crate::domain::DatabaseUrl;

/// Held by a server for as long as it runs, so that a second one on the same SQLite file is
/// refused. The command line works beside it. The system frees it when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes the lock of a database; one that several servers may share has none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server holds it, [`OpenError::File`] if the lock file
    /// beside the database cannot be made, [`OpenError::NotThere`] if the database is not
    /// there and the start may not make it: then no lock is left in its place either.
    pub fn acquire(url: &DatabaseUrl, open: OpenMode) -> Result<Option<Self>, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                if open == OpenMode::Check && matches!(path.try_exists(), Ok(false)) {
                    return Err(OpenError::NotThere(path.to_owned()));
                }
                lock(path).map(Some)
            }
            DatabaseUrl::Postgres(_) => Ok(None),
        }
    }
}

fn lock(database: &Path) -> Result<ServerLock, OpenError> {
    // A link to the file is the file: the lock lies beside what it leads to.
    let real = database.canonicalize();
    let mut name = OsString::from(real.as_deref().unwrap_or(database));
    name.push(".lock");
    let path = PathBuf::from(name);
    let failed = |source| OpenError::File {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(ServerLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: database.to_owned(),
            cause: format!("a server holds {}", path.display()),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
