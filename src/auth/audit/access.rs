//! Audit events about applications behind a proxy.

use super::Event;
use crate::auth::{AuthError, Denial};
use crate::domain::{AppName, SessionDigest, UserId};

impl<'a> Event<'a> {
    /// A user who is logged in has no access.
    pub(in crate::auth) fn access_denied(user: UserId, denial: &'a Denial) -> Self {
        let event = Self::new("authz_fail", "access to an application was denied").failure();
        Self {
            app: denial.app(),
            ..event.reason(denial.reason()).user(user).line_only()
        }
    }

    /// A hand-over code was issued for an application.
    pub(in crate::auth) fn hand_over_created(user: UserId, session: &'a SessionDigest) -> Self {
        let event = Self::new("authn_token_created", "hand-over code made");
        event.user(user).session(session).line_only()
    }

    /// An invalid hand-over code was refused.
    pub(in crate::auth) fn hand_over_refused(cause: &'a AuthError) -> Self {
        Self::caused("authn_token_refused", "hand-over code refused", cause)
    }

    /// A login on the host of an application.
    pub(in crate::auth) fn app_entered(user: UserId, app: &'a AppName) -> Self {
        let event = Self::new("session_created", "logged in to an application");
        Self {
            app: Some(app),
            ..event.user(user)
        }
    }
}
