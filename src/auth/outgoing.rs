use crate::db::{ClaimedMail, NewMail};

/// A mail as it waits in the outbox: which letter, and what has to be known to write it.
/// Nothing in it lets anybody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// A token with which a new password can be set.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
}

/// A row that this program cannot read: of a newer version, which runs beside this one or
/// ran before it.
#[derive(Debug, thiserror::Error)]
#[error("no letter is called {0}")]
pub(super) struct UnknownLetter(String);

impl Outgoing {
    /// The row that it is.
    pub(super) fn row(&self) -> NewMail {
        NewMail {
            letter: self.name(),
            details: None,
        }
    }

    /// Reads a row.
    pub(super) fn of(mail: &ClaimedMail) -> Result<Self, UnknownLetter> {
        match mail.letter.as_str() {
            "password_reset" => Ok(Self::PasswordReset),
            "password_changed" => Ok(Self::PasswordChanged),
            unknown => Err(UnknownLetter(unknown.to_owned())),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
        }
    }
}
