/// What happens when somebody proves to read the mail of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailAction {
    /// The address of the account is known to be its owner's.
    Verify,
    /// The account gets that address.
    Change,
}

impl EmailAction {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Change => "change",
        }
    }

    /// None for a text that is no action of this version's.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Verify, Self::Change]
            .into_iter()
            .find(|action| action.as_str() == text)
    }
}
