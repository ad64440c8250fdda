use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Mail, SendError};
use crate::domain::Email;
use crate::ownership::{give_to_folder_owner, make_folder};

/// A folder that gets each mail as an `.eml` file, which any mail program opens.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    from: Email,
}

impl Folder {
    /// A folder, made with the first mail if it is missing, and the sender of its mails.
    #[must_use]
    pub fn new(path: PathBuf, from: Email) -> Self {
        Self { path, from }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.from)?.formatted();
        let keep = |file: &Path, id| fs::rename(file, self.path.join(format!("{id}.eml")));
        self.write(&message, keep)
    }

    /// The same work, and no mail.
    pub(super) fn pretend(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.from)?.formatted();
        self.write(&message, |file, _| fs::remove_file(file))
    }

    fn write(
        &self,
        message: &[u8],
        then: impl FnOnce(&Path, Uuid) -> io::Result<()>,
    ) -> Result<(), SendError> {
        self.try_to_write(message, then).map_err(|error| {
            SendError::Away(format!("cannot write to {}: {error}", self.path.display()))
        })
    }

    /// Whoever looks into the folder for `*.eml` finds whole mails only: a hidden file is
    /// written to the end, and renamed.
    fn try_to_write(
        &self,
        message: &[u8],
        then: impl FnOnce(&Path, Uuid) -> io::Result<()>,
    ) -> io::Result<()> {
        make_folder(&self.path)?;
        let id = Uuid::new_v4();
        let unfinished = self.path.join(format!(".{id}.tmp"));
        let result = write_whole(&unfinished, message).and_then(|()| then(&unfinished, id));
        if result.is_err() {
            // It may not be there at all.
            drop(fs::remove_file(&unfinished));
        }
        result?;
        File::open(&self.path)?.sync_all()
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
