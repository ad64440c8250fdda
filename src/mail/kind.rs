//! The kinds of mail, with what their templates need.

use std::fmt;

use crate::domain::{ClientAddress, Email, Timestamp};

/// What a mail tells. Nothing in it was typed by a user but addresses; `Debug` shows no token.
#[derive(Clone)]
pub enum MailKind {
    /// Somebody asked for a new password.
    PasswordReset {
        /// What lets its holder set one.
        token: String,
    },
    /// The password was changed.
    PasswordChanged,
    /// The address of a new account is to be confirmed.
    VerifyEmail {
        /// What confirms it.
        token: String,
    },
    /// An account is to move to this address.
    ConfirmEmail {
        /// What confirms it.
        token: String,
        /// The address that the account has until then.
        present: Email,
    },
    /// The account moved to another address; goes to the old one.
    EmailChanged {
        /// The address that it has now.
        new: Email,
        /// What brings it back.
        undo_token: String,
    },
    /// A login from a client that the account does not know.
    NewDevice {
        /// Where it came from.
        address: Option<ClientAddress>,
        /// What the client calls itself; only the kinds of browser and system are told.
        user_agent: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The account is gone.
    AccountDeleted {
        /// The address that it had in the end, if it is another.
        last: Option<Email>,
    },
    /// The account has its former address again; goes to the one that it loses.
    EmailTakenBack {
        /// The address that it has now.
        by: Email,
    },
    /// Somebody tried to register the address of an account.
    AlreadyRegistered,
    /// The operator tries whether mails arrive.
    Test,
}

impl MailKind {
    /// The name of its templates.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::VerifyEmail { .. } => "verify_email",
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::NewDevice { .. } => "new_device",
            Self::AccountDeleted { .. } => "account_deleted",
            Self::EmailTakenBack { .. } => "email_taken_back",
            Self::AlreadyRegistered => "already_registered",
            Self::Test => "test",
        }
    }
}

impl fmt::Debug for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailKind({})", self.name())
    }
}
