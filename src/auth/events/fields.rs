//! Fields that only some events have.

use super::Event;
use crate::auth::AuthError;

impl Event<'_> {
    /// The rule by which it was refused.
    pub(super) fn limit(&self) -> Option<&str> {
        match self.cause() {
            Some(AuthError::Throttled { limit, .. }) => Some(limit),
            Some(_) | None => None,
        }
    }

    /// The page that was refused.
    pub(super) fn origin(&self) -> Option<&str> {
        if let Self::Forged { origin } = self {
            *origin
        } else {
            None
        }
    }

    /// The kind of a mail.
    pub(super) fn mail(&self) -> Option<&str> {
        if let Self::MailSent { mail, .. } = self {
            Some(mail)
        } else {
            None
        }
    }

    /// How many were concerned.
    pub(super) fn count(&self) -> Option<usize> {
        if let Self::SessionsReplaced { count, .. } = self {
            Some(*count)
        } else {
            None
        }
    }
}
