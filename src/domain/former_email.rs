//! Former addresses in a data export.

use super::Timestamp;

/// A former address of a user, which can still take the account back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousEmail {
    /// The address.
    pub email: String,
    /// When the account got a new address.
    pub changed_at: Timestamp,
    /// Until when it can take the account back.
    pub expires_at: Timestamp,
}
