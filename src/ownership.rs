//! Files that root makes belong to the owner of the folder that they are in.
//!
//! A command that root runs would otherwise leave files which the service cannot write. The owner
//! is changed by the open file and never by its path: a path could lead elsewhere by then.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Gives a file that was just made to the owner of its folder, if this process is root.
///
/// # Errors
/// [`io::Error`] if the system refuses it.
pub(crate) fn give_to_folder_owner(file: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = fs::metadata(folder_of(path))?;
    fchown(file, Some(folder.uid()), Some(folder.gid()))
}

/// Makes a folder with all that is missing above it, readable by its owner alone.
///
/// # Errors
/// [`io::Error`] if it cannot be made, or if something else has its name.
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
        // Another process was faster.
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
