//! What an operator decides about accounts, beside passwords and guessing.

/// Who may register, and what is told to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everybody; a taken address is named as such.
    #[default]
    Reveal,
    /// Everybody; a taken address is answered like a new one, and its owner gets a mail.
    Conceal,
    /// Nobody.
    Closed,
}

/// Whether new users have to prove that they read the mail of their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailVerification {
    /// Nobody is asked.
    #[default]
    Off,
    /// New users are asked, and log in meanwhile.
    Optional,
    /// Nobody logs in before.
    Required,
}

/// What an owner may be told by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A login from where the account was not used before.
    NewDevice,
    /// A new password.
    PasswordChanged,
    /// Another address; the mail to the old one has a token that undoes it.
    EmailChanged,
    /// The end of the account.
    AccountDeleted,
}

/// Of what owners are told by mail; of everything, if nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notices(Vec<Notice>);

impl Notices {
    /// Of these and nothing else.
    #[must_use]
    pub fn only(of: impl IntoIterator<Item = Notice>) -> Self {
        Self(of.into_iter().collect())
    }

    pub(super) fn tell(&self, of: Notice) -> bool {
        self.0.contains(&of)
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self::only([
            Notice::NewDevice,
            Notice::PasswordChanged,
            Notice::EmailChanged,
            Notice::AccountDeleted,
        ])
    }
}
