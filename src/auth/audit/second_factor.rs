//! Audit events of second factors.

use super::Event;
use crate::auth::AuthError;
use crate::domain::UserId;

impl<'a> Event<'a> {
    /// The password was right; the login waits for a second factor.
    pub(in crate::auth) fn second_factor_required(user: UserId) -> Self {
        let (name, message) = (
            "authn_login_second_factor_required",
            "the password was right, a second factor is due",
        );
        Self::new(name, message).user(user)
    }

    /// Too many wrong codes: the account accepts none any more.
    pub(in crate::auth) fn second_factor_locked(user: UserId) -> Self {
        let event = Self::new("authn_second_factor_lock", "too many wrong codes");
        event.failure().user(user)
    }

    /// An authenticator app was confirmed.
    pub(in crate::auth) fn second_factor_added(user: UserId) -> Self {
        Self::new("authn_second_factor_added", "second factor added").user(user)
    }

    /// An authenticator app was removed.
    pub(in crate::auth) fn second_factor_removed(user: UserId) -> Self {
        Self::new("authn_second_factor_removed", "second factor removed").user(user)
    }

    /// A code did not confirm an authenticator app.
    pub(in crate::auth) fn second_factor_refused(user: UserId, cause: &'a AuthError) -> Self {
        let (name, message) = ("authn_second_factor_fail", "second factor not confirmed");
        Self::caused(name, message, cause).user(user)
    }

    /// A recovery code replaced a second factor.
    pub(in crate::auth) fn recovery_code_used(user: UserId) -> Self {
        Self::new("authn_recovery_code_used", "recovery code used").user(user)
    }

    /// There are new recovery codes.
    pub(in crate::auth) fn recovery_codes_replaced(user: UserId) -> Self {
        let (name, message) = ("authn_recovery_codes_replaced", "recovery codes replaced");
        Self::new(name, message).user(user)
    }

    /// The owner gave a passkey another name.
    pub(in crate::auth) fn passkey_renamed(user: UserId) -> Self {
        Self::new("authn_passkey_renamed", "passkey renamed").user(user)
    }

    /// The signature counter of a passkey did not go forward: there may be a copy of it.
    pub(in crate::auth) fn passkey_counter(user: UserId) -> Self {
        let message =
            "the signature counter of a passkey did not go forward: it may have been copied";
        Self::new("authn_passkey_counter", message)
            .failure()
            .user(user)
    }

    /// The owner undid a change by an email.
    pub(in crate::auth) fn second_factor_undone(user: UserId) -> Self {
        let (name, message) = (
            "authn_second_factor_undone",
            "change of second factors undone, account taken back",
        );
        Self::new(name, message).user(user)
    }
}
