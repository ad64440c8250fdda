//! Which mail: the row of the outbox, the name of its templates, and their values, in one place.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use strum::{IntoStaticStr, VariantNames};

use crate::domain::{ClientAddress, Email, Timestamp};

/// Which mail, and what it says. A variant is stored under its name in snake case, with its
/// fields as JSON; its templates have the same name and the same values. Nothing in it lets a
/// reader into an account: the token is made when the mail is composed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "kind", content = "details", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MailKind {
    /// A request for a new password, with a token that sets one.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
    /// A new account, with a token that proves its address.
    VerifyEmail,
    /// A request to give an account another address, with a token that does so.
    ConfirmEmail {
        /// The address to be.
        #[serde(deserialize_with = "stored")]
        to: Email,
    },
    /// The account has another address; to the old one, with a token that undoes the change.
    EmailChanged {
        /// The old address.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The present address.
        #[serde(deserialize_with = "stored")]
        new: Email,
    },
    /// A login by a client that the account does not know.
    NewDevice {
        /// Where the client is.
        address: Option<ClientAddress>,
        /// What the client calls itself. Templates get the browser and system alone.
        user_agent: Option<String>,
        /// When it logged in.
        at: Timestamp,
    },
    /// The account is deleted; to its address and to former ones.
    AccountDeleted {
        /// The address, or a former one.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The last address of the account, if it is another.
        #[serde(default, deserialize_with = "stored_option")]
        new: Option<Email>,
    },
    /// The account has its former address again; to the address that it loses.
    EmailTakenBack {
        /// The address that it loses.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The former address, which it has again.
        #[serde(deserialize_with = "stored")]
        new: Email,
    },
    /// A registration of the address of an account.
    AlreadyRegistered,
    /// A second factor was set up.
    SecondFactorAdded,
    /// The second factor and the recovery codes were removed.
    SecondFactorRemoved {
        /// Whether the operator removed them.
        by_operator: bool,
    },
    /// There are new recovery codes.
    RecoveryCodesReplaced,
    /// A recovery code replaced the second factor at a login.
    RecoveryCodeUsed,
    /// A test by the operator.
    Test,
}

/// What the token of a mail does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailToken<'a> {
    /// It sets a new password.
    ResetPassword,
    /// It proves the address of the account.
    VerifyEmail,
    /// It gives the account this address.
    ChangeEmail(&'a Email),
    /// It gives the account back to this former address.
    UndoEmailChange(&'a Email),
}

/// A mail before its templates are filled in.
#[derive(Debug)]
pub struct MailDraft<'a> {
    /// Which mail.
    pub kind: &'a MailKind,
    /// The address that it goes to.
    pub to: &'a Email,
    /// The present address of the account.
    pub account: &'a Email,
    /// The token, for mails that have one.
    pub token: Option<SecretString>,
}

/// Why a row cannot be read: a newer version wrote it, which runs beside this one or ran before.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMail {
    /// No mail has that name.
    #[error("unknown kind of mail {0}: a newer version of the service may have queued it")]
    Kind(String),
    /// The details are not those of that mail.
    #[error("the details of the queued mail cannot be read: {0}")]
    Details(#[from] serde_json::Error),
}

impl MailKind {
    /// The names of all kinds.
    pub const NAMES: &'static [&'static str] = Self::VARIANTS;

    /// The name in the outbox, in limits, and of the templates.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// What the token in it does, for mails that have one.
    #[must_use]
    pub fn token(&self) -> Option<MailToken<'_>> {
        match self {
            Self::PasswordReset => Some(MailToken::ResetPassword),
            Self::VerifyEmail => Some(MailToken::VerifyEmail),
            Self::ConfirmEmail { to } => Some(MailToken::ChangeEmail(to)),
            Self::EmailChanged { to, .. } => Some(MailToken::UndoEmailChange(to)),
            Self::PasswordChanged
            | Self::NewDevice { .. }
            | Self::AccountDeleted { .. }
            | Self::EmailTakenBack { .. }
            | Self::AlreadyRegistered
            | Self::SecondFactorAdded
            | Self::SecondFactorRemoved { .. }
            | Self::RecoveryCodesReplaced
            | Self::RecoveryCodeUsed
            | Self::Test => None,
        }
    }

    /// The address that it goes to; without one, it goes to the address that the account has when
    /// it is sent.
    #[must_use]
    pub fn recipient(&self) -> Option<&Email> {
        match self {
            Self::ConfirmEmail { to }
            | Self::EmailChanged { to, .. }
            | Self::AccountDeleted { to, .. }
            | Self::EmailTakenBack { to, .. } => Some(to),
            Self::PasswordReset
            | Self::PasswordChanged
            | Self::VerifyEmail
            | Self::NewDevice { .. }
            | Self::AlreadyRegistered
            | Self::SecondFactorAdded
            | Self::SecondFactorRemoved { .. }
            | Self::RecoveryCodesReplaced
            | Self::RecoveryCodeUsed
            | Self::Test => None,
        }
    }

    /// Its fields.
    #[must_use]
    pub fn details(&self) -> Map<String, Value> {
        // What is made of texts and numbers can always be written.
        match serde_json::to_value(self)
            .unwrap_or_default()
            .get_mut("details")
        {
            Some(Value::Object(details)) => std::mem::take(details),
            Some(_) | None => Map::new(),
        }
    }

    /// Its fields as a row has them, in JSON: without those that are not set.
    #[must_use]
    pub fn row_details(&self) -> Option<String> {
        let mut details = self.details();
        details.retain(|_, value| !value.is_null());
        (!details.is_empty()).then(|| Value::Object(details).to_string())
    }

    /// Reads a row of the outbox.
    ///
    /// # Errors
    /// [`UnreadableMail`] for a row of a newer version.
    pub fn from_row(name: &str, details: Option<&str>) -> Result<Self, UnreadableMail> {
        if !Self::NAMES.contains(&name) {
            return Err(UnreadableMail::Kind(name.to_owned()));
        }
        let details: Option<Value> = details.map(serde_json::from_str).transpose()?;
        Ok(serde_json::from_value(
            json!({ "kind": name, "details": details }),
        )?)
    }
}

/// Reads an address that this service has written: that of an imported account may have any shape.
fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
    String::deserialize(deserializer).map(Email::from_stored)
}

fn stored_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Email>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Email::from_stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::parse(text).unwrap()
    }

    /// The rows that version 0.1.0 writes, and their mails.
    fn rows() -> Vec<(&'static str, Option<&'static str>, MailKind)> {
        let (bob, new) = (email("bob@x.fr"), email("new@x.fr"));
        let address = Some(ClientAddress::new("2001:db8::1".parse().unwrap()));
        let at = Timestamp::from_seconds(1_800_000_000);
        let device = |address, user_agent: Option<&str>| MailKind::NewDevice {
            address,
            user_agent: user_agent.map(str::to_owned),
            at,
        };
        let two = Some(r#"{"to":"bob@x.fr","new":"new@x.fr"}"#);
        let (to, last) = (bob.clone(), Some(new.clone()));
        vec![
            ("password_reset", None, MailKind::PasswordReset),
            ("password_changed", None, MailKind::PasswordChanged),
            ("verify_email", None, MailKind::VerifyEmail),
            (
                "confirm_email",
                Some(r#"{"to":"bob@x.fr"}"#),
                MailKind::ConfirmEmail { to: bob.clone() },
            ),
            (
                "email_changed",
                two,
                MailKind::EmailChanged {
                    to: bob.clone(),
                    new: new.clone(),
                },
            ),
            (
                "new_device",
                Some(r#"{"address":"2001:db8::1","user_agent":"curl/8","at":1800000000}"#),
                device(address, Some("curl/8")),
            ),
            (
                "new_device",
                Some(r#"{"at":1800000000}"#),
                device(None, None),
            ),
            (
                "account_deleted",
                two,
                MailKind::AccountDeleted { to, new: last },
            ),
            (
                "account_deleted",
                Some(r#"{"to":"not an address"}"#),
                MailKind::AccountDeleted {
                    to: Email::from_stored("not an address".into()),
                    new: None,
                },
            ),
            (
                "email_taken_back",
                two,
                MailKind::EmailTakenBack { to: bob, new },
            ),
            ("already_registered", None, MailKind::AlreadyRegistered),
        ]
    }

    #[test]
    fn rows_of_version_0_1_0_are_read() {
        for (name, details, mail) in rows() {
            assert_eq!(MailKind::from_row(name, details).unwrap(), mail, "{name}");
            assert_eq!(mail.name(), name);
        }
    }

    /// A version 0.1.0 that runs beside this one on the same database reads its rows.
    #[test]
    fn rows_are_written_as_version_0_1_0_does() {
        let object = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (name, details, mail) in rows() {
            let written = mail.row_details();
            assert_eq!(
                written.as_deref().map(object),
                details.map(object),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unreadable_row_is_named() {
        for (name, details, expected) in [
            ("magic_link", None, "unknown kind of mail magic_link"),
            (
                "email_changed",
                Some(r#"{"to":"bob@x.fr"}"#),
                "missing field `new`",
            ),
            ("email_changed", None, "null"),
            ("new_device", Some(r#"{"at":"now"}"#), "expected i64"),
            ("confirm_email", Some("{"), "EOF"),
        ] {
            let error = MailKind::from_row(name, details).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
