//! Sessions as their owner sees them, and the user of a session.

use std::fmt;
use std::str::FromStr;

use uuid::{NoContext, Uuid};

use super::{Email, SessionLevel, Timestamp, TokenError, UserId};

/// The user of a request's session, as an application needs it for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    /// The user's id.
    pub id: UserId,
    /// The user's address, as it was registered.
    pub email: Email,
    /// How the user has authenticated.
    pub level: SessionLevel,
}

/// The public id of a session, for its owner's list of sessions. Unlike the session id, it gives
/// no access. It is a `UUIDv7` (RFC 9562): ids sort by the second in which the session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionPublicId(Uuid);

impl SessionPublicId {
    /// Generates an id for a session that begins at this time.
    #[must_use]
    pub fn generate(begins_at: Timestamp) -> Self {
        let seconds = u64::try_from(begins_at.seconds()).unwrap_or(0);
        let timestamp = uuid::Timestamp::from_unix(NoContext, seconds, 0);
        Self(Uuid::new_v7(timestamp))
    }

    /// An id from the database; none if it has not 16 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }

    /// The 16 bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for SessionPublicId {
    type Err = TokenError;

    /// Parses an id as it was issued: a UUID in lower case with hyphens.
    ///
    /// # Errors
    /// [`TokenError`] for any other text.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let id = Self(Uuid::try_parse(text).or(Err(TokenError))?);
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(TokenError)
        }
    }
}

impl fmt::Display for SessionPublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A session as its owner may see it: without the session id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// The public id of the session.
    pub public_id: SessionPublicId,
    /// Whether it is the session of the request.
    pub current: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The last recorded use: up to 1/48 of the idle limit, or a minute, before the last use.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The address of the client that opened it.
    pub ip: Option<String>,
    /// The `User-Agent` of the client that opened it.
    pub user_agent: Option<String>,
}

/// A session that has ended, in the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSessionInfo {
    /// Why, in the stored form.
    pub reason: String,
    /// When it ended, or was found to have ended.
    pub ended_at: Timestamp,
}

/// The sessions of a user to which an operation applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// All except the session of the request.
    Others,
    /// All sessions.
    All,
}
