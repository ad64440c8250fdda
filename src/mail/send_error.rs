//! Why a mail was not sent.

/// Why a mail was not sent. The messages are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No retry of this mail can succeed.
    #[error("{0}")]
    Refused(String),
    /// A retry of this mail may succeed.
    #[error("{0}")]
    Later(String),
    /// No mail can be sent at the moment.
    #[error("{0}")]
    Away(String),
}
