use std::fmt;

use uuid::Uuid;

use super::{Timestamp, TokenError};

/// What a session is called towards its owner. It opens nothing, unlike the session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicId(Uuid);

impl PublicId {
    /// Takes the name as it was given out: a UUID in lower case with hyphens.
    ///
    /// # Errors
    /// [`TokenError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let id = Self(Uuid::try_parse(text).or(Err(TokenError))?);
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(TokenError)
        }
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A session as its owner may see it: without what would open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// What it is called.
    pub public_id: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Whether it is neither expired nor idle for too long.
    pub valid: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Its last use that is written down, at most a minute old.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Where it was opened from.
    pub ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
}

/// Which of a user's sessions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// All but the one that asks.
    Others,
    /// All.
    All,
}
