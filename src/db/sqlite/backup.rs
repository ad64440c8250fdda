//! Copies of a SQLite file, made before the file is changed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::db::OpenError;
use crate::ownership::give_to_folder_owner;

/// Copies the database to `NAME.before-LABEL`, or `NAME.before-LABEL.2` if that exists, with mode
/// 0600. While incomplete, the copy's name ends with `.unfinished`, so that a crash leaves nothing
/// that looks like a complete copy.
pub(super) fn copy_beside(
    conn: &mut SqliteConnection,
    database: &Path,
    label: &str,
) -> Result<PathBuf, OpenError> {
    let copy = free_name(database, label)?;
    let unfinished = unfinished(&copy);
    let failed = |cause: String| OpenError::Copy {
        path: copy.clone(),
        cause,
    };
    let Some(target) = unfinished.to_str() else {
        remove(&unfinished);
        return Err(failed("the path is not UTF-8".to_owned()));
    };
    let made = diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(target)
        .execute(conn)
        .map_err(|error| error.to_string())
        .and_then(|_| finish(&unfinished, &copy).map_err(|error| error.to_string()));
    match made {
        Ok(()) => Ok(copy),
        Err(cause) => {
            remove(&unfinished);
            Err(failed(cause))
        }
    }
}

/// Removes a copy that is not needed.
pub(super) fn remove(copy: &Path) {
    if let Err(error) = fs::remove_file(copy) {
        log::warn!("cannot remove {}: {error}", copy.display());
    }
}

fn unfinished(copy: &Path) -> PathBuf {
    let mut name = OsString::from(copy);
    name.push(".unfinished");
    PathBuf::from(name)
}

/// Gives a complete copy its final name, and syncs content and name to the disk.
fn finish(unfinished: &Path, copy: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, copy)?;
    sync_folder(copy)
}

/// Syncs the name of a file to the disk.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Reserves a free name with an empty `.unfinished` file. SQLite can write into an empty file.
fn free_name(database: &Path, label: &str) -> Result<PathBuf, OpenError> {
    let mut number = 1_u32;
    loop {
        let mut name = OsString::from(database);
        name.push(format!(".before-{label}"));
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let path = PathBuf::from(name);
        let made = if path.exists() {
            Err(io::ErrorKind::AlreadyExists.into())
        } else {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(unfinished(&path))
                .and_then(|file| give_to_folder_owner(&file, &path))
        };
        match made {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(OpenError::Copy {
                    path,
                    cause: error.to_string(),
                });
            }
        }
    }
}
