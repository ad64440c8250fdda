//! Which database is in charge after an online copy: the source until it has the mark `moved`, the
//! target after that. The URL of the target is in a file beside the source.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use diesel::ConnectionError;
use diesel::result::Error as DieselError;
use secrecy::ExposeSecret;

use super::{CopyError, databases, recording};
use crate::db::connection::sqlite::{Location, Role};
use crate::db::connection::transactions::in_transaction;
use crate::db::tables::copy_marks::{self, CopyState};
use crate::db::{DB, DbError, DbSettings, InstanceLock, OpenError, migrations};
use crate::domain::DatabaseUrl;
use crate::ownership::give_to_folder_owner;

/// How long a copy waits for the end of the service on the source.
const PATIENCE: Duration = Duration::from_secs(40);

/// The file with the URL of the database to which this one was moved.
fn url_file(source: &Path) -> PathBuf {
    let mut name = OsString::from(source);
    name.push(".moved");
    PathBuf::from(name)
}

/// Writes the target's URL, with its password, into a file that only its owner can read.
pub(super) fn write_url(source: &Path, to: &DatabaseUrl) -> Result<(), CopyError> {
    let DatabaseUrl::Postgres(url) = to else {
        return Err(CopyError::OnlineEngines);
    };
    let path = url_file(source);
    let write = || {
        drop(fs::remove_file(&path));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        give_to_folder_owner(&file, &path)?;
        file.write_all(url.with_parameters(&[]).expose_secret().as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| OpenError::File { path, source }.into())
}

/// Removes the file with the target's URL: the source is in charge.
pub(super) fn remove_url(source: &Path) {
    if let Err(error) = fs::remove_file(url_file(source)) {
        log::debug!("the file with the target's URL stays: {error}");
    }
}

/// The database to which this one was moved.
///
/// # Errors
/// [`OpenError::File`] if the file beside it that names the database cannot be read.
pub fn moved_to(source: &DatabaseUrl) -> Result<DatabaseUrl, OpenError> {
    let path = match source {
        DatabaseUrl::Sqlite(path) => url_file(path),
        DatabaseUrl::Postgres(_) => PathBuf::new(),
    };
    let url = fs::read_to_string(&path).and_then(|url| {
        let url = url.trim().parse();
        url.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    });
    url.map_err(|source| OpenError::File { path, source })
}

/// Puts a complete copy in charge, if its source refuses changes and no service runs on it any
/// more. Returns whether it is in charge: the copy itself, or a service, may have been faster.
pub(in crate::db) fn take_charge(
    target: &DatabaseUrl,
    settings: &DbSettings,
) -> Result<bool, OpenError> {
    let failed = |error| OpenError::Database(DbError::from(error));
    let mut conn = databases::connect(target, settings, Role::Writer).map_err(not_connected)?;
    let mark = copy_marks::read(&mut conn).map_err(failed)?;
    let Some(mark) = mark else {
        return Ok(true);
    };
    if mark.state != CopyState::Complete {
        return Ok(false);
    }
    let Ok(source) = mark.other_url.parse::<DatabaseUrl>() else {
        return Ok(false);
    };
    let Ok(mut reader) = databases::connect(&source, settings, Role::Reader) else {
        return Ok(false);
    };
    let moved = copy_marks::read(&mut reader).map_err(failed)?;
    let is_moved =
        moved.is_some_and(|moved| moved.state == CopyState::Moved && moved.copy_id == mark.copy_id);
    if !is_moved {
        return Ok(false);
    }
    if let DatabaseUrl::Sqlite(path) = &source
        && !InstanceLock::is_free(&source)?
    {
        return Err(OpenError::InUse {
            path: path.clone(),
            cause: format!("it was moved to {target}, and a service still runs on it"),
        });
    }
    in_transaction(&mut conn, copy_marks::remove)?;
    Ok(true)
}

/// Takes charge as soon as the service on the source has ended.
pub(super) fn wait_for_charge(
    target: &DatabaseUrl,
    settings: &DbSettings,
) -> Result<bool, CopyError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match take_charge(target, settings) {
            Err(OpenError::InUse { .. }) => {}
            taken => return Ok(taken?),
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn not_connected(error: ConnectionError) -> OpenError {
    DbError::Failed(DieselError::QueryBuilderError(Box::new(error))).into()
}

impl DB {
    /// Removes what an online copy that was killed has left in its source. Blocks for a read.
    ///
    /// # Errors
    /// Only if the database fails.
    pub(in crate::db) fn forget_killed_copy(&self, location: &Location) -> Result<(), OpenError> {
        if !self.read(|conn| migrations::has_table(conn, recording::RECORDING))? {
            return Ok(());
        }
        // The copy that runs holds the lock.
        let Ok(_lock) = InstanceLock::acquire_for_copy(location.path()) else {
            return Ok(());
        };
        self.write(|conn| Ok(recording::end(conn)?))?;
        remove_url(location.path());
        log::info!("removed what an interrupted copy had left in the database");
        Ok(())
    }

    /// Notices that the database was moved: then all further writes are refused and the process
    /// must restart. Blocks for a lookup.
    pub fn notice_move(&self) {
        let mark = self.read(copy_marks::read);
        if let Ok(Some(mark)) = mark
            && mark.state == CopyState::Moved
        {
            self.storage.moved();
        }
    }
}
