//! Audit events of second factors.

use super::{AuthError, Fields};

/// Changes of the second factor of an account.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) enum SecondFactorEvent<'a> {
    /// The password was right; the login waits for a second factor.
    Required,
    /// Too many wrong codes: the account accepts none any more.
    Locked,
    /// An authenticator app was confirmed.
    Added,
    /// An authenticator app was removed.
    Removed,
    /// A recovery code replaced a second factor.
    RecoveryCodeUsed,
    /// There are new recovery codes.
    RecoveryCodesReplaced,
    /// A code did not confirm an authenticator app.
    Refused(&'a AuthError),
}

impl<'a> SecondFactorEvent<'a> {
    pub(super) fn fields(self) -> Fields<'a> {
        match self {
            Self::Required => Fields::new(
                "authn_login_second_factor_required",
                "the password was right, a second factor is due",
            ),
            Self::Locked => {
                Fields::new("authn_second_factor_lock", "too many wrong codes").failure()
            }
            Self::Added => Fields::new("authn_second_factor_added", "second factor added"),
            Self::Removed => Fields::new("authn_second_factor_removed", "second factor removed"),
            Self::RecoveryCodeUsed => Fields::new("authn_recovery_code_used", "recovery code used"),
            Self::RecoveryCodesReplaced => {
                Fields::new("authn_recovery_codes_replaced", "recovery codes replaced")
            }
            Self::Refused(cause) => {
                let (name, sentence) = ("authn_second_factor_fail", "second factor not confirmed");
                Fields::caused(name, sentence, cause)
            }
        }
    }
}
