use std::fmt;

/// A password as it is stored: a bcrypt hash, or whatever a table that was adopted holds.
///
/// Only `auth` looks inside. `Debug` shows nothing and there is no `Display`, so that a hash
/// reaches neither a log nor an answer by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    /// Takes a stored text as it is; one that is no hash matches no password.
    #[must_use]
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What no password matches: nobody logs in before another one is set.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self("!".to_owned())
    }

    /// The text, for the database and for verifying.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(..)")
    }
}
