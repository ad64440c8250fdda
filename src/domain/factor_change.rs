//! Changes of second factors, as the account's owner is shown them.

use strum::{EnumString, IntoStaticStr};

use super::Timestamp;

/// A kind of change of the second factors of an account. Stored under its name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum FactorChangeKind {
    /// An authenticator app was confirmed.
    TotpAdded,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed by its owner.
    PasskeyRemoved,
    /// The authenticator app and the recovery codes were removed by their owner.
    TotpRemoved,
    /// There are new recovery codes.
    RecoveryCodesReplaced,
    /// A recovery code replaced the second factor at a login.
    RecoveryCodeUsed,
    /// The operator removed all factors.
    Reset,
    /// The owner took the account back by an email.
    Undone,
    /// Too many wrong codes: the account accepts none any more.
    Locked,
}

impl FactorChangeKind {
    /// An authenticator app or a passkey was added.
    #[must_use]
    pub const fn added(is_passkey: bool) -> Self {
        if is_passkey {
            Self::PasskeyAdded
        } else {
            Self::TotpAdded
        }
    }

    /// An authenticator app or a passkey was removed by its owner.
    #[must_use]
    pub const fn removed(is_passkey: bool) -> Self {
        if is_passkey {
            Self::PasskeyRemoved
        } else {
            Self::TotpRemoved
        }
    }

    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A change of second factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorChange {
    /// What was done; none for a kind that a newer version has stored.
    pub kind: Option<FactorChangeKind>,
    /// When.
    pub changed_at: Timestamp,
    /// The address of the client, if there was one.
    pub ip: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}
