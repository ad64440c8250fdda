//! The audit events of a user, for the owner and for administrators.

use crate::auth::{Auth, AuthError};
use crate::domain::{AuditEvent, SessionId, UserId};

impl Auth {
    /// The audit events of a user, newest first, `limit` at most. `after` is the position of the
    /// last one of the page before. Events of the last second may not be there yet. Blocks for one
    /// lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_events_of(
        &self,
        user: UserId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, AuthError> {
        Ok(self.db.audit_events_of(user, after, limit)?)
    }

    /// The audit events of the user of a session. Blocks for two lookups.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn activity(
        &self,
        session_id: &SessionId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, AuthError> {
        let user = self
            .session_user(session_id)?
            .ok_or(AuthError::NotLoggedIn)?;
        self.audit_events_of(user.id, after, limit)
    }
}
