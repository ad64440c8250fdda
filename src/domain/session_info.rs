//! Sessions as their owner sees them, and the user that a session belongs to.

use std::fmt;

use uuid::{NoContext, Uuid};

use super::{Email, SessionLevel, Timestamp, TokenError, UserId};

/// The user whose session a request shows: what an application needs on every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    /// The user's number.
    pub id: UserId,
    /// The user's address, as it was registered.
    pub email: Email,
    /// By what the user has authenticated.
    pub level: SessionLevel,
}

/// The name of a session that its owner sees. It opens nothing, unlike the session id. It is a
/// `UUIDv7` (RFC 9562): names sort by the second in which the session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionPublicId(Uuid);

impl SessionPublicId {
    /// Makes a new name for a session that begins at that time.
    #[must_use]
    pub fn generate(begins_at: Timestamp) -> Self {
        let seconds = u64::try_from(begins_at.seconds()).unwrap_or(0);
        let timestamp = uuid::Timestamp::from_unix(NoContext, seconds, 0);
        Self(Uuid::new_v7(timestamp))
    }

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

    /// Takes the name out of the database; none if those are not 16 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }

    /// The name's 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for SessionPublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A session as its owner may see it: without what would open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// The name of the session.
    pub public_id: SessionPublicId,
    /// Whether it is the session of the request.
    pub current: bool,
    /// Whether it is neither expired nor idle for too long.
    pub valid: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Its last use that was written: up to 1/48 of the idle limit, or a minute, too early.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The address that opened it.
    pub ip: Option<String>,
    /// The `User-Agent` of the client that opened it.
    pub user_agent: Option<String>,
}

/// Which of a user's sessions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// All but the one of the request.
    Others,
    /// All.
    All,
}
