//! Audit events about applications behind a proxy.

use super::Fields;
use crate::auth::{AuthError, Denial};
use crate::domain::{AppName, SessionDigest, UserId};

/// Changes of the access to an application.
#[derive(Debug)]
pub(in crate::auth) enum AccessEvent<'a> {
    /// A user who is logged in has no access.
    Denied { user: UserId, denial: &'a Denial },
    /// A hand-over code was issued for an application.
    CodeCreated {
        user: UserId,
        session: &'a SessionDigest,
    },
    /// An invalid hand-over code was refused.
    CodeRefused { cause: &'a AuthError },
    /// A login on the host of an application.
    Entered { user: UserId, app: AppName },
}

impl AccessEvent<'_> {
    pub(super) fn fields(&self) -> Fields<'_> {
        match *self {
            Self::Denied { user, denial } => Fields {
                app: denial.app(),
                ..Fields::new("authz_fail", "access to an application was denied")
                    .failure()
                    .reason(denial.reason())
                    .user(user)
            },
            Self::CodeCreated { user, session } => {
                let fields = Fields::new("authn_token_created", "hand-over code made");
                fields.user(user).session(session)
            }
            Self::CodeRefused { cause } => {
                Fields::caused("authn_token_refused", "hand-over code refused", cause)
            }
            Self::Entered { user, ref app } => Fields {
                app: Some(app),
                ..Fields::new("session_created", "logged in to an application").user(user)
            },
        }
    }
}
