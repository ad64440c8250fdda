//! Mail kinds: their rows in the outbox, the names of their templates, and the values for these.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use strum::{IntoStaticStr, VariantNames};

use crate::domain::{ChainHead, ClientIp, Email, FactorChangeKind, Language, Timestamp};

/// A mail kind with its values. A variant is stored under its name in snake case, with its fields
/// as JSON; its templates have the same name and the same values. It contains no token: tokens
/// are created when the mail is composed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "kind", content = "details", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MailKind {
    /// A password reset, with a token that sets a new password.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
    /// A registration, with a token that verifies the address.
    VerifyEmail,
    /// A request for a new address, with a token that makes the change.
    ConfirmEmail {
        /// The new address.
        #[serde(deserialize_with = "stored")]
        to: Email,
    },
    /// The address was changed. Goes to the old address, with a token that undoes the change.
    EmailChanged {
        /// The old address.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The new address.
        #[serde(deserialize_with = "stored")]
        new: Email,
    },
    /// A login by an unknown client.
    NewDevice {
        /// The address of the client.
        address: Option<ClientIp>,
        /// The `User-Agent` of the client. Templates get only the names of browser and system.
        user_agent: Option<String>,
        /// The time of the login.
        at: Timestamp,
    },
    /// The account was deleted. Goes to its address and to former ones.
    AccountDeleted {
        /// The recipient: the address of the account, or a former one.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The last address of the account, if the recipient is another.
        #[serde(default, deserialize_with = "stored_option")]
        new: Option<Email>,
        /// The language of the owner. The database no longer has it when the mail is sent.
        #[serde(default, serialize_with = "tag", deserialize_with = "known_language")]
        language: Option<Language>,
    },
    /// The former address was restored. Goes to the address that loses the account.
    EmailTakenBack {
        /// The address that loses the account.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// The former address, which was restored.
        #[serde(deserialize_with = "stored")]
        new: Email,
    },
    /// A client tried to register the address of the account.
    AlreadyRegistered,
    /// An invitation to register. A command sends it; it never waits in the outbox.
    Invitation {
        /// How many days it is valid.
        days: u32,
    },
    /// A second factor was set up. Has a token that undoes it.
    SecondFactorAdded {
        /// The address that the account had.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// Whether it is a passkey.
        #[serde(default)]
        is_passkey: bool,
    },
    /// The second factor and the recovery codes were removed. Has a token that takes the account
    /// back, unless the operator removed them.
    SecondFactorRemoved {
        /// The address that the account had.
        #[serde(deserialize_with = "stored")]
        to: Email,
        /// Whether the operator removed them.
        by_operator: bool,
        /// Whether it was a passkey.
        #[serde(default)]
        is_passkey: bool,
    },
    /// There are new recovery codes. Has a token that undoes it.
    RecoveryCodesReplaced {
        /// The address that the account had.
        #[serde(deserialize_with = "stored")]
        to: Email,
    },
    /// After too many wrong codes, the account accepts no further ones.
    SecondFactorLocked,
    /// A recovery code replaced the second factor at a login.
    RecoveryCodeUsed,
    /// A test by the operator.
    Test,
}

/// The effect of a mail's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailToken<'a> {
    /// Sets a new password.
    ResetPassword,
    /// Verifies the address of the account.
    VerifyEmail,
    /// Changes the address of the account to this one.
    ChangeEmail(&'a Email),
    /// Restores this former address.
    UndoEmailChange(&'a Email),
    /// Takes the account back as it was before a change of second factors.
    UndoFactorChange(FactorChangeKind),
    /// It lets a person register.
    Invite,
}

/// A mail before its templates are filled in.
#[derive(Debug)]
pub struct MailDraft<'a> {
    /// The mail kind with its values.
    pub kind: &'a MailKind,
    /// The recipient.
    pub to: &'a Email,
    /// The current address of the account.
    pub account: &'a Email,
    /// The language of its texts.
    pub language: Language,
    /// The token, for mails that have one.
    pub token: Option<SecretString>,
    /// The head of the audit table, for notifications.
    pub audit_head: Option<ChainHead>,
}

/// Why a row cannot be read: probably a newer version of the service has written it.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMail {
    /// There is no mail kind with this name.
    #[error("unknown kind of mail {0}: a newer version of the service may have queued it")]
    Kind(String),
    /// The details do not fit the mail kind.
    #[error("the details of the queued mail cannot be read: {0}")]
    Details(#[from] serde_json::Error),
}

impl MailKind {
    /// The names of all kinds.
    pub const NAMES: &'static [&'static str] = Self::VARIANTS;

    /// The name in the outbox, in limit keys, and of the templates.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// The effect of the mail's token, if it has one.
    #[must_use]
    pub fn token(&self) -> Option<MailToken<'_>> {
        match self {
            Self::PasswordReset => Some(MailToken::ResetPassword),
            Self::VerifyEmail => Some(MailToken::VerifyEmail),
            Self::ConfirmEmail { to } => Some(MailToken::ChangeEmail(to)),
            Self::EmailChanged { to, .. } => Some(MailToken::UndoEmailChange(to)),
            Self::SecondFactorAdded { is_passkey, .. } => Some(MailToken::UndoFactorChange(
                FactorChangeKind::added(*is_passkey),
            )),
            Self::SecondFactorRemoved {
                by_operator: false,
                is_passkey,
                ..
            } => Some(MailToken::UndoFactorChange(FactorChangeKind::removed(
                *is_passkey,
            ))),
            Self::RecoveryCodesReplaced { .. } => Some(MailToken::UndoFactorChange(
                FactorChangeKind::RecoveryCodesReplaced,
            )),
            Self::Invitation { .. } => Some(MailToken::Invite),
            Self::PasswordChanged
            | Self::NewDevice { .. }
            | Self::AccountDeleted { .. }
            | Self::EmailTakenBack { .. }
            | Self::AlreadyRegistered
            | Self::SecondFactorRemoved {
                by_operator: true, ..
            }
            | Self::RecoveryCodeUsed
            | Self::SecondFactorLocked
            | Self::Test => None,
        }
    }

    /// The recipient. If there is none, the mail goes to the address that the account has at the
    /// time of sending.
    #[must_use]
    pub fn recipient(&self) -> Option<&Email> {
        match self {
            Self::ConfirmEmail { to }
            | Self::EmailChanged { to, .. }
            | Self::AccountDeleted { to, .. }
            | Self::EmailTakenBack { to, .. }
            | Self::SecondFactorAdded { to, .. }
            | Self::SecondFactorRemoved { to, .. }
            | Self::RecoveryCodesReplaced { to } => Some(to),
            Self::PasswordReset
            | Self::PasswordChanged
            | Self::VerifyEmail
            | Self::NewDevice { .. }
            | Self::AlreadyRegistered
            | Self::Invitation { .. }
            | Self::RecoveryCodeUsed
            | Self::SecondFactorLocked
            | Self::Test => None,
        }
    }

    /// The values of the mail.
    #[must_use]
    pub fn details(&self) -> Map<String, Value> {
        // Serializing texts and numbers cannot fail.
        match serde_json::to_value(self)
            .unwrap_or_default()
            .get_mut("details")
        {
            Some(Value::Object(details)) => std::mem::take(details),
            Some(_) | None => Map::new(),
        }
    }

    /// The values as JSON for the row, without those that are not set.
    #[must_use]
    pub fn row_details(&self) -> Option<String> {
        let mut details = self.details();
        details.retain(|_, value| !value.is_null());
        (!details.is_empty()).then(|| Value::Object(details).to_string())
    }

    /// Parses a row of the outbox.
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

/// Deserializes a stored address unchecked: that of an imported account may break the rules.
fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
    String::deserialize(deserializer).map(Email::from_stored)
}

fn stored_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Email>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Email::from_stored))
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference to the field"
)]
fn tag<S: Serializer>(language: &Option<Language>, serializer: S) -> Result<S::Ok, S::Error> {
    language.map(Language::tag).serialize(serializer)
}

/// None for a language that only a newer version knows.
fn known_language<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Language>, D::Error> {
    let tag = Option::<String>::deserialize(deserializer)?;
    Ok(tag.and_then(|tag| Language::of_tag(&tag)))
}

#[cfg(test)]
mod tests;
