//! Audit events of administrators.

use super::Event;
use crate::auth::AuthError;
use crate::domain::{AppName, GroupName, UserId};

impl<'a> Event<'a> {
    /// An act of an administrator, by the name that the same act of an operator has.
    pub(in crate::auth) fn by_administrator(
        name: &'static str,
        message: &'static str,
        admin: UserId,
    ) -> Self {
        Self::new(name, message).by(admin)
    }

    /// An act of an administrator was refused, or the password was wrong.
    pub(in crate::auth) fn act_refused(admin: UserId, cause: &'a AuthError) -> Self {
        Self::reauthentication_failed(admin, cause).by(admin)
    }

    pub(in crate::auth) fn count(self, count: usize) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    pub(in crate::auth) fn group(self, group: impl Into<Option<&'a GroupName>>) -> Self {
        Self {
            group: group.into(),
            ..self
        }
    }

    pub(in crate::auth) fn app(self, app: &'a AppName) -> Self {
        Self {
            app: Some(app),
            ..self
        }
    }
}
