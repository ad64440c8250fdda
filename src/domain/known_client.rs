use super::Timestamp;

/// Where a user has logged in from, by which later guesses are told from a stranger's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// The network; none for a device, which is known by a cookie of its own.
    pub network: Option<String>,
    /// The last right login.
    pub logged_in_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}
