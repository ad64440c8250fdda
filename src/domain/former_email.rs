use super::Timestamp;

/// An address that a user had until lately, as the user is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerEmail {
    /// The address.
    pub email: String,
    /// When the account got another one.
    pub changed_at: Timestamp,
    /// Until when it can be taken back.
    pub expires_at: Timestamp,
}
