//! Texts that handlers name by key, and the texts of errors.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::auth::{AuthError, PasswordPolicyError};
use crate::http::HttpError;
use crate::http::error::Description;
use crate::i18n::{Catalogue, TextError};

/// A text of the catalogue, with the values of its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    key: &'static str,
    values: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Message(Message),
}

impl Message {
    pub(crate) fn new(key: &'static str) -> Self {
        Self {
            key,
            values: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, Value::Text(value.into())));
        self
    }

    fn with_message(mut self, name: &'static str, message: Self) -> Self {
        self.values.push((name, Value::Message(message)));
        self
    }

    /// The text in a language.
    pub(crate) fn text(&self, catalogue: &Catalogue) -> Result<String, TextError> {
        let mut values = Vec::new();
        for (name, value) in &self.values {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Message(message) => message.text(catalogue)?,
            };
            values.push((*name, text));
        }
        catalogue.text(self.key, |name| {
            let mut values = values.iter();
            let found = values.find(|(known, _)| *known == name);
            found.map(|(_, text)| text.clone())
        })
    }

    /// The message above a page's form.
    pub(crate) fn of_error(error: &Description) -> Self {
        let message = Self::new(error_key(error.code, error.status));
        match error.retry_after {
            Some(wait) => message.with_message("wait", Self::of_wait(wait)),
            None => message,
        }
    }

    fn of_wait(wait: Duration) -> Self {
        let seconds = wait
            .as_secs()
            .saturating_add(u64::from(wait.subsec_nanos() > 0));
        match seconds {
            0..=90 => Self::new("wait.seconds").with("count", seconds.max(1).to_string()),
            _ => Self::new("wait.minutes").with("count", seconds.div_ceil(60).to_string()),
        }
    }

    /// The message beside the field that has the error.
    pub(crate) fn of_field(field: &str, error: &HttpError) -> Self {
        let code = error.describe().code;
        let message = Self::new(invalid_key(field, code));
        if let HttpError::Auth(AuthError::PasswordPolicyError(PasswordPolicyError::TooShort {
            minimum,
        })) = error
        {
            return message.with("minimum", minimum.to_string());
        }
        if let HttpError::Auth(AuthError::ClockOff { behind }) = error {
            let key = match behind {
                ..0 => "invalid.clock_ahead",
                0.. => "invalid.clock_behind",
            };
            return Self::new(key).with("seconds", behind.unsigned_abs().to_string());
        }
        message
    }
}

fn error_key(code: &str, status: StatusCode) -> &'static str {
    match code {
        "invalid_credentials" => "error.invalid_credentials",
        "email_not_verified" => "error.email_not_verified",
        "registration_closed" => "error.registration_closed",
        "invalid_reset_token" => "error.invalid_reset_token",
        "invalid_invitation" => "error.invalid_invitation",
        "invalid_token" => "error.invalid_token",
        "rate_limited" => "error.rate_limited",
        "overloaded" => "error.overloaded",
        "unavailable" => "error.unavailable",
        "account_changed" => "error.account_changed",
        "invalid_second_factor" => "error.invalid_second_factor",
        "invalid_passkey" => "error.invalid_passkey",
        "invalid_code" => "error.invalid_code",
        "second_factor_missing" => "error.second_factor_missing",
        "passkey_not_found" => "error.passkey_not_found",
        "invalid_passkey_name" => "error.invalid_passkey_name",
        "clock_off" => "error.clock_off",
        "second_factor_off" => "error.second_factor_off",
        "second_factor_required" => "error.second_factor_required",
        "second_factor_enrolment_required" => "error.second_factor_enrolment_required",
        "cross_origin" => "error.cross_origin",
        "not_logged_in" => "error.not_logged_in",
        "not_found" => "error.not_found",
        "method_not_allowed" => "error.method_not_allowed",
        "session_not_found" => "error.session_not_found",
        "not_administrator" => "error.not_administrator",
        _ if status == StatusCode::FORBIDDEN => "error.forbidden",
        _ if status.is_client_error() => "error.form",
        _ => "error.internal_error",
    }
}

fn invalid_key(field: &str, code: &str) -> &'static str {
    match (field, code) {
        ("email", "missing_field") => "invalid.email.missing_field",
        ("new_email", "missing_field") => "invalid.new_email.missing_field",
        ("password", "missing_field") => "invalid.password.missing_field",
        ("new_password", "missing_field") => "invalid.new_password.missing_field",
        ("current_password", "missing_field") => "invalid.current_password.missing_field",
        ("otp", "missing_field") => "invalid.otp.missing_field",
        ("recovery_code", "missing_field") => "invalid.recovery_code.missing_field",
        ("user_email", "missing_field") => "invalid.user_email.missing_field",
        ("group" | "app" | "url" | "days" | "name", "missing_field") => "invalid.missing_field",
        (_, "invalid_name") => "invalid.invalid_name",
        (_, "invalid_passkey_name") => "error.invalid_passkey_name",
        (_, "invalid_url") => "invalid.invalid_url",
        (_, "invalid_days") => "invalid.invalid_days",
        (_, "invalid_email") => "invalid.invalid_email",
        (_, "password_too_short") => "invalid.password_too_short",
        (_, "password_too_common") => "invalid.password_too_common",
        (_, "password_too_obvious") => "invalid.password_too_obvious",
        (_, "email_taken") => "invalid.email_taken",
        (_, "invalid_second_factor") => "invalid.wrong_code",
        (_, "invalid_credentials") => "invalid.wrong_password",
        _ => "invalid.invalid_password",
    }
}

/// The heading of a page that shows only an error.
pub(crate) fn error_heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "error.heading.403",
        StatusCode::NOT_FOUND => "error.heading.404",
        StatusCode::TOO_MANY_REQUESTS => "error.heading.429",
        StatusCode::SERVICE_UNAVAILABLE => "error.heading.503",
        _ if status.is_client_error() => "error.heading.400",
        _ => "error.heading.500",
    }
}
