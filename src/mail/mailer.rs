//! Where mails go, and what happened to one.

use super::{Folder, Mail, Memory, Smtp};

/// Where mails go.
#[derive(Debug)]
pub enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// Files in a folder.
    Folder(Folder),
    /// Kept in memory, for tests.
    Memory(Memory),
    /// Nowhere: whoever asks for a mail is told nothing else.
    Off,
}

/// Why a mail was not sent, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No further attempt with this mail can succeed.
    #[error("{0}")]
    Refused(String),
    /// Another attempt with this mail may succeed.
    #[error("{0}")]
    Later(String),
    /// No mail can be sent at the moment.
    #[error("{0}")]
    Away(String),
}

impl Mailer {
    /// Hands a mail over. Blocks, for some minutes at the most.
    ///
    /// # Errors
    /// [`SendError`] says whether it is worth another attempt.
    pub fn send(&self, mail: &Mail) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.send(mail),
            Self::Folder(folder) => folder.send(mail).map(drop),
            Self::Memory(memory) => {
                memory.keep(mail);
                Ok(())
            }
            Self::Off => Ok(()),
        }
    }

    /// Does the work of a mail that is to nobody, as far as who asks for other things
    /// meanwhile could tell it from a mail that is sent: a folder's disk is busy. Nothing
    /// leaves for a mail server. Blocks.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    pub fn pretend(&self, mail: &Mail) -> Result<(), SendError> {
        match self {
            Self::Folder(folder) => folder.pretend(mail),
            Self::Smtp(_) | Self::Memory(_) | Self::Off => Ok(()),
        }
    }
}
