//! Known clients in a data export.

use super::Timestamp;

/// A device or network from which a user has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// The network; none for a device, which is known by its cookie.
    pub network: Option<String>,
    /// The last successful login.
    pub logged_in_at: Timestamp,
    /// When the account stops knowing the client.
    pub expires_at: Timestamp,
}
