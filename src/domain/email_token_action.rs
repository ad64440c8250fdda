//! What an email token does when it comes back.

/// The effect of an email token that comes back from its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailTokenAction {
    /// The account's address becomes verified.
    Verify,
    /// The account's address is replaced by the one that got the token.
    Change,
}

impl EmailTokenAction {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Change => "change",
        }
    }

    /// Parses the stored form; none for an action that this version does not know.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Verify, Self::Change]
            .into_iter()
            .find(|action| action.as_str() == text)
    }
}
