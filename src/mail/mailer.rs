//! The mailer: one interface for all transports.

use super::{Folder, Mail, Memory, RecentMails, SendError, Smtp};

/// A transport of mails.
#[derive(Debug)]
pub enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// Files in a folder.
    Folder(Folder),
    /// Files in a folder; the latest mails are also shown to developers.
    Development(Folder, RecentMails),
    /// Kept in memory, for tests.
    Memory(Memory),
    /// No mails are sent, and no error is reported.
    Off,
}

impl Mailer {
    /// Sends a mail. Blocks for at most some minutes.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry can succeed.
    pub fn send(&self, mail: &Mail) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.send(mail),
            Self::Folder(folder) => folder.send(mail).map(drop),
            Self::Development(folder, recent) => {
                folder.send(mail)?;
                recent.keep(mail);
                Ok(())
            }
            Self::Memory(memory) => {
                memory.keep(mail);
                Ok(())
            }
            Self::Off => Ok(()),
        }
    }

    /// Decoy of [`Mailer::send`]: uses the disk of a folder as for a real mail, because other
    /// clients could measure that. Sends nothing to a mail server. Blocks.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    pub fn pretend(&self, mail: &Mail) -> Result<(), SendError> {
        match self {
            Self::Folder(folder) | Self::Development(folder, _) => folder.pretend(mail),
            Self::Smtp(_) | Self::Memory(_) | Self::Off => Ok(()),
        }
    }
}
