//! Gives files that root creates to the owner of their directory.
//!
//! Otherwise a command that root runs would leave files that the service cannot write. The owner
//! is changed through the open file and never by path, because the path may be replaced meanwhile.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Gives a new file to the owner of its directory, if this process runs as root.
///
/// # Errors
/// [`io::Error`] if the owner cannot be read or changed.
pub(crate) fn give_to_folder_owner(file: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = fs::metadata(folder_of(path))?;
    fchown(file, Some(folder.uid()), Some(folder.gid()))
}

/// Creates a directory and its missing parents, with mode 0700.
///
/// # Errors
/// [`io::Error`] if it cannot be created, or if the path is not a directory.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    if above != path {
        make_folder(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        // Another process created it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)?;
    give_to_folder_owner(&folder, path)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}
