//! Why an act of an administrator is refused.

use strum::IntoStaticStr;

use crate::domain::{AppName, GroupName};

/// Why an act of an administrator is refused, although the administrator may act. The snake-case
/// name is the reason in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ActRefusal {
    /// Administrators do not lock themselves out.
    #[error("this is your own account")]
    OwnAccount,
    /// There is no such user.
    #[error("no such user")]
    NoSuchUser,
    /// The address that was typed to confirm a deletion is another one.
    #[error("this is not the address of the user")]
    OtherEmail,
    /// The user is disabled, so that no link would work.
    #[error("the user is disabled")]
    UserDisabled,
    /// The address has got as many emails of that kind as it may.
    #[error("this address was sent enough emails, please wait")]
    EnoughMails,
    /// There is a group of this name.
    #[error("a group has this name")]
    GroupExists,
    /// There is no such group.
    #[error("no such group")]
    NoSuchGroup(GroupName),
    /// These applications list the group.
    #[error("applications list the group: {}", names(.0))]
    GroupInUse(Vec<AppName>),
    /// The group is that of the administrators.
    #[error("the group of the administrators stays")]
    GroupOfAdmins,
    /// The application of this name has the name or the URL.
    #[error("the application {0} has this name or URL")]
    AppExists(AppName),
    /// There is no such application.
    #[error("no such application")]
    NoSuchApp,
    /// There is no such invitation.
    #[error("no such invitation")]
    NoSuchInvitation,
}

impl ActRefusal {
    /// The reason in the log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// Whether what the act names is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::NoSuchUser | Self::NoSuchGroup(_) | Self::NoSuchApp | Self::NoSuchInvitation
        )
    }
}

fn names(apps: &[AppName]) -> String {
    let names: Vec<&str> = apps.iter().map(AppName::as_str).collect();
    names.join(", ")
}
