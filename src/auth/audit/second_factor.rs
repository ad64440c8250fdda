//! Audit events of second factors.

use super::{AuthError, Fields};

/// What happened to the second factor of an account.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) enum SecondFactorEvent<'a> {
    /// The password was right; the login waits for a second factor.
    Required,
    /// Too many wrong codes: the account accepts none any more.
    Locked,
    /// An authenticator app was confirmed, or a passkey added.
    Added,
    /// An authenticator app or a passkey was removed.
    Removed,
    /// A recovery code replaced a second factor.
    RecoveryCodeUsed,
    /// There are new recovery codes.
    RecoveryCodesReplaced,
    /// A code did not confirm an authenticator app, or a passkey was not added.
    Refused(&'a AuthError),
    /// The owner gave a passkey another name.
    PasskeyRenamed,
    /// The signature counter of a passkey did not go forward: there may be a copy of it.
    PasskeyCounter,
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
            Self::PasskeyRenamed => Fields::new("authn_passkey_renamed", "passkey renamed"),
            Self::PasskeyCounter => Fields::new(
                "authn_passkey_counter",
                "the signature counter of a passkey did not go forward: it may have been copied",
            )
            .failure(),
            Self::Refused(cause) => {
                let (name, sentence) = ("authn_second_factor_fail", "second factor not confirmed");
                Fields::caused(name, sentence, cause)
            }
        }
    }
}
