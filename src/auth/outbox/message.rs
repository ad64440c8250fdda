//! A mail as it waits in the outbox.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::auth::throttle::{ThrottleSettings, mail_budget, notification_budget};
use crate::db::{BudgetedMail, ClaimedMail, NewMail};
use crate::domain::{ClientAddress, Email, EmailKey, Timestamp};

/// What is counted in the place of a mail where a registration conceals and there is nobody
/// to be told.
pub(in crate::auth) const NOTHING_TOLD: &str = "registered";

/// A mail as it waits in the outbox: which letter, and what has to be known to write it.
/// Nothing in it lets anybody in. Without another recipient it goes to the address that its
/// user has when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth) enum OutboxMessage {
    /// A token with which a new password can be set.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
    /// A token that proves the address of a new account.
    VerifyEmail,
    /// A token that gives the account the address to which it goes.
    ConfirmEmail { to: Email },
    /// The account has another address; goes to the old one, with a token that undoes it.
    EmailChanged { old: Email, new: Email },
    /// A login from where the account was not used before.
    NewDevice {
        address: Option<ClientAddress>,
        user_agent: Option<String>,
        at: Timestamp,
    },
    /// The account is gone; goes to the address that it had, and to former ones, with the
    /// address that it had in the end.
    AccountDeleted { to: Email, last: Option<Email> },
    /// The account has its former address again; goes to the one that it loses.
    EmailTakenBack { to: Email, by: Email },
    /// Somebody tried to register the address of the account.
    AlreadyRegistered,
}

/// A row that this program cannot read: of a newer version, which runs beside this one or
/// ran before it.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum UnreadableMail {
    #[error("unknown mail template {0}")]
    MailKind(String),
    #[error("the details of the queued mail cannot be read: {0}")]
    Details(#[from] serde_json::Error),
    #[error("the queued mail lacks {0}")]
    Missing(&'static str),
}

/// What a letter says, as it is stored.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
}

impl OutboxMessage {
    /// The kinds by which mails are counted: those that somebody can bring about.
    pub(in crate::auth) const COUNTED: [&'static str; 9] = [
        "account_deleted",
        "already_registered",
        "confirm_email",
        "email_taken_back",
        "new_device",
        "password_changed",
        "password_reset",
        "verify_email",
        NOTHING_TOLD,
    ];

    /// The row that it is.
    pub(in crate::auth) fn row(&self) -> NewMail {
        let details = self.details();
        NewMail {
            letter: self.name(),
            // What is made of texts and numbers can always be written.
            details: details.and_then(|details| serde_json::to_string(&details).ok()),
            has_token: match self {
                Self::PasswordReset | Self::VerifyEmail | Self::ConfirmEmail { .. } => true,
                // The token that undoes a change is for whoever has lost the account: nothing
                // that happens in the account ends it.
                Self::EmailChanged { .. }
                | Self::PasswordChanged
                | Self::NewDevice { .. }
                | Self::AccountDeleted { .. }
                | Self::EmailTakenBack { .. }
                | Self::AlreadyRegistered => false,
            },
        }
    }

    /// The row, to be queued if few enough of its kind went to that address of late.
    pub(in crate::auth) fn within_budget(
        &self,
        settings: &ThrottleSettings,
        to: &EmailKey,
    ) -> BudgetedMail {
        let budget = match self {
            Self::PasswordChanged | Self::AccountDeleted { .. } | Self::EmailTakenBack { .. } => {
                notification_budget
            }
            Self::PasswordReset
            | Self::VerifyEmail
            | Self::ConfirmEmail { .. }
            | Self::EmailChanged { .. }
            | Self::NewDevice { .. }
            | Self::AlreadyRegistered => mail_budget,
        };
        BudgetedMail {
            mail: self.row(),
            budget: budget(settings, self.name(), to),
        }
    }

    /// Reads a row.
    pub(in crate::auth) fn of(mail: &ClaimedMail) -> Result<Self, UnreadableMail> {
        let details = mail.details.as_deref().map(serde_json::from_str::<Details>);
        let details = details.transpose()?.unwrap_or_default();
        let address = |name, text: Option<String>| {
            let text = text.ok_or(UnreadableMail::Missing(name))?;
            Ok::<_, UnreadableMail>(Email::from_stored(text))
        };
        Ok(match mail.letter.as_str() {
            "password_reset" => Self::PasswordReset,
            "password_changed" => Self::PasswordChanged,
            "verify_email" => Self::VerifyEmail,
            "confirm_email" => Self::ConfirmEmail {
                to: address("to", details.to)?,
            },
            "email_changed" => Self::EmailChanged {
                old: address("to", details.to)?,
                new: address("new", details.new)?,
            },
            "new_device" => Self::NewDevice {
                address: details.address.map(ClientAddress::new),
                user_agent: details.user_agent,
                at: Timestamp::from_seconds(details.at.ok_or(UnreadableMail::Missing("at"))?),
            },
            "account_deleted" => Self::AccountDeleted {
                to: address("to", details.to)?,
                last: details.new.map(Email::from_stored),
            },
            "email_taken_back" => Self::EmailTakenBack {
                to: address("to", details.to)?,
                by: address("new", details.new)?,
            },
            "already_registered" => Self::AlreadyRegistered,
            unknown => return Err(UnreadableMail::MailKind(unknown.to_owned())),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::VerifyEmail => "verify_email",
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::NewDevice { .. } => "new_device",
            Self::AccountDeleted { .. } => "account_deleted",
            Self::EmailTakenBack { .. } => "email_taken_back",
            Self::AlreadyRegistered => "already_registered",
        }
    }

    fn details(&self) -> Option<Details> {
        match self {
            Self::PasswordReset
            | Self::PasswordChanged
            | Self::VerifyEmail
            | Self::AlreadyRegistered => None,
            Self::ConfirmEmail { to } => Some(Details {
                to: Some(to.to_string()),
                ..Details::default()
            }),
            Self::AccountDeleted { to, last } => Some(Details {
                to: Some(to.to_string()),
                new: last.as_ref().map(Email::to_string),
                ..Details::default()
            }),
            Self::EmailChanged { old: to, new } | Self::EmailTakenBack { to, by: new } => {
                Some(Details {
                    to: Some(to.to_string()),
                    new: Some(new.to_string()),
                    ..Details::default()
                })
            }
            Self::NewDevice {
                address,
                user_agent,
                at,
            } => Some(Details {
                address: address.map(ClientAddress::get),
                user_agent: user_agent.clone(),
                at: Some(at.seconds()),
                ..Details::default()
            }),
        }
    }
}
