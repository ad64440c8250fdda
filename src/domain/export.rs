//! What is held about a user beside sessions and addresses, as the user is shown it.

use super::Timestamp;

/// A token that is on its way by mail, or was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingToken {
    /// What it is good for.
    pub action: String,
    /// The address that it is about, if it is about one.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is good no longer.
    pub expires_at: Timestamp,
}

/// A mail that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMail {
    /// Which letter.
    pub letter: String,
    /// What it says, in JSON.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
}
