//! The result of a login.

use crate::domain::{DeviceId, SessionId, User};

/// The result of a successful login.
#[derive(Debug)]
pub struct LoginSuccess {
    /// The id of the new session, for the client. It cannot be read again.
    pub session_id: SessionId,
    /// The id for the client's device cookie. None with rate limits off.
    pub device: Option<DeviceId>,
    /// The user who logged in.
    pub user: User,
}
