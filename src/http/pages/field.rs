//! The fields of a page's form, with their hints to password managers and their errors.

use super::message::Message;
use crate::auth::AccountRules;
use crate::http::HttpError;

/// An input of a form with its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: Message,
    pub(crate) kind: Kind,
    pub(crate) autocomplete: &'static str,
    /// The text that was typed. Passwords and codes are never sent back.
    pub(crate) value: String,
    pub(crate) is_optional: bool,
    pub(crate) hint: Option<Message>,
    pub(crate) wrong: Option<Wrong>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Email,
    Password,
    /// Six digits.
    Digits,
    Text,
    /// A text that is no secret, such as a name.
    Plain,
}

/// The error of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) code: &'static str,
    pub(crate) message: Message,
}

impl Field {
    fn new(
        name: &'static str,
        label: &'static str,
        kind: Kind,
        autocomplete: &'static str,
    ) -> Self {
        Self {
            name,
            label: Message::new(label),
            kind,
            autocomplete,
            value: String::new(),
            is_optional: false,
            hint: None,
            wrong: None,
        }
    }

    /// The address by which an account is found. Browsers save it beside the password.
    pub(crate) fn account_email() -> Self {
        Self::new("email", "field.email", Kind::Email, "username")
    }

    /// The address of a new account.
    pub(crate) fn own_email() -> Self {
        Self::new("email", "field.email", Kind::Email, "username")
    }

    /// The new address of an account.
    pub(crate) fn new_email() -> Self {
        Self::new("new_email", "field.new_email", Kind::Email, "email")
    }

    /// A code of an authenticator app.
    pub(crate) fn totp_code() -> Self {
        Self::new("otp", "field.otp", Kind::Digits, "one-time-code")
    }

    /// One of the recovery codes.
    pub(crate) fn recovery_code() -> Self {
        let (name, label) = ("recovery_code", "field.recovery_code");
        Self::new(name, label, Kind::Text, "off")
    }

    /// A code of an authenticator app, or a recovery code.
    pub(crate) fn second_factor(is_recovery: bool) -> Self {
        if is_recovery {
            Self::recovery_code()
        } else {
            Self::totp_code()
        }
    }

    /// The password of a login.
    pub(crate) fn password() -> Self {
        let autocomplete = "current-password";
        Self::new("password", "field.password", Kind::Password, autocomplete)
    }

    /// The password that is asked for again.
    pub(crate) fn current_password() -> Self {
        let (name, label) = ("current_password", "field.current_password");
        Self::new(name, label, Kind::Password, "current-password")
    }

    /// The password of an administrator, beside fields about another user.
    pub(crate) fn own_password() -> Self {
        let (name, label) = ("current_password", "field.own_password");
        Self::new(name, label, Kind::Password, "current-password")
    }

    /// The password of a new account.
    pub(crate) fn first_password(rules: &AccountRules) -> Self {
        let field = Self::new("password", "field.password", Kind::Password, "new-password");
        field.with_rule(rules)
    }

    /// A password that replaces another one.
    pub(crate) fn new_password(rules: &AccountRules) -> Self {
        let (name, label) = ("new_password", "field.new_password");
        Self::new(name, label, Kind::Password, "new-password").with_rule(rules)
    }

    /// The name of a passkey.
    pub(crate) fn passkey_name() -> Self {
        Self::new("name", "passkeys.name", Kind::Plain, "off")
    }

    /// The address of another user.
    pub(crate) fn user_email() -> Self {
        Self::new("user_email", "field.user_email", Kind::Email, "off")
    }

    /// The name of a group.
    pub(crate) fn group() -> Self {
        let field = Self::new("group", "field.group", Kind::Plain, "off");
        field.with_hint("hint.name")
    }

    /// The name of an application.
    pub(crate) fn app() -> Self {
        let field = Self::new("app", "field.app", Kind::Plain, "off");
        field.with_hint("hint.name")
    }

    /// The URL of an application.
    pub(crate) fn app_url() -> Self {
        let field = Self::new("url", "field.app_url", Kind::Plain, "off");
        field.with_hint("hint.app_url")
    }

    /// The groups of an application.
    pub(crate) fn app_groups() -> Self {
        let field = Self::new("groups", "field.app_groups", Kind::Plain, "off");
        field.with_hint("hint.app_groups")
    }

    /// How many days an invitation is valid.
    pub(crate) fn days() -> Self {
        Self::new("days", "field.days", Kind::Plain, "off")
    }

    /// Allows the field to stay empty.
    pub(crate) fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    fn with_hint(self, key: &'static str) -> Self {
        Self {
            hint: Some(Message::new(key)),
            ..self
        }
    }

    /// Shows the password rule under the field.
    fn with_rule(self, rules: &AccountRules) -> Self {
        let hint = match rules.password_min_length {
            0 | 1 => Message::new("rule.any"),
            minimum => Message::new("rule.length").with("minimum", minimum.to_string()),
        };
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// Keeps what was typed, unless it is a password or a code.
    pub(crate) fn filled(self, text: &str) -> Self {
        match self.kind {
            Kind::Email | Kind::Plain => Self {
                value: text.to_owned(),
                ..self
            },
            Kind::Password | Kind::Digits | Kind::Text => self,
        }
    }

    pub(crate) fn set_wrong(&mut self, error: &HttpError) {
        self.wrong = Some(Wrong {
            code: error.describe().code,
            message: Message::of_field(self.name, error),
        });
    }
}
