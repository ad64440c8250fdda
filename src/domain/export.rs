//! The parts of a data export that are neither sessions nor addresses.

use super::Timestamp;

/// A token that was issued and is not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedToken {
    /// Its purpose.
    pub action: String,
    /// The address that it concerns, if there is one.
    pub email: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A queued mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMail {
    /// The mail kind.
    pub letter: String,
    /// The values for its template, in JSON.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the next attempt is due.
    pub due_at: Timestamp,
}
