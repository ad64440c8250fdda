//! The file transport, which writes mails to a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Mail, SendError};
use crate::domain::Email;
use crate::ownership::{give_to_folder_owner, make_folder};

/// A folder for mails, each of which is an `.eml` file that mail programs can open.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    from: Email,
}

impl Folder {
    /// A folder, which is created with the first mail if it is missing, and the sender of mails.
    #[must_use]
    pub fn new(path: PathBuf, from: Email) -> Self {
        Self { path, from }
    }

    /// Writes a mail and returns its path. Blocks until it is on the disk.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry can succeed.
    pub fn send(&self, mail: &Mail) -> Result<PathBuf, SendError> {
        let message = mail.message(&self.from, true)?;
        self.write(&message, |unfinished, id| {
            let file = self.path.join(format!("{id}.eml"));
            fs::rename(unfinished, &file)?;
            Ok(file)
        })
    }

    /// Decoy of [`Folder::send`]: does the same work, and leaves no mail.
    pub(super) fn pretend(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.from, true)?;
        self.write(&message, |file, _| fs::remove_file(file))
    }

    fn write<T>(
        &self,
        message: &[u8],
        then: impl FnOnce(&Path, Uuid) -> io::Result<T>,
    ) -> Result<T, SendError> {
        self.try_to_write(message, then).map_err(|error| {
            SendError::Away(format!(
                "mails cannot be written to the folder {} ({error})",
                self.path.display()
            ))
        })
    }

    /// Writes a hidden file and renames it when it is complete, so that every `*.eml` in the folder
    /// is a complete mail.
    fn try_to_write<T>(
        &self,
        message: &[u8],
        then: impl FnOnce(&Path, Uuid) -> io::Result<T>,
    ) -> io::Result<T> {
        make_folder(&self.path)?;
        let id = Uuid::new_v4();
        let unfinished = self.path.join(format!(".{id}.tmp"));
        let result = write_whole(&unfinished, message).and_then(|()| then(&unfinished, id));
        if result.is_err() {
            // It may not exist.
            drop(fs::remove_file(&unfinished));
        }
        let done = result?;
        File::open(&self.path)?.sync_all()?;
        Ok(done)
    }
}

fn write_whole(path: &Path, message: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    give_to_folder_owner(&file, path)?;
    file.write_all(message)?;
    file.sync_all()
}
