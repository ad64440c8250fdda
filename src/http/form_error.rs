//! Why a body is not a valid form.

use actix_web::http::StatusCode;

use crate::auth::{Auth, PasswordPolicyError};
use crate::domain::{
    AppOriginError, EmailError, NameError, PasskeyNameError, Password, PasswordError,
};

/// Why a body is not a valid form. The messages are for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The media type is not one of the two kinds of form.
    #[error("send the fields as application/x-www-form-urlencoded or multipart/form-data")]
    MediaType,
    /// The body is compressed.
    #[error("send the form without a Content-Encoding")]
    Encoded,
    /// The body is larger than 16 KiB.
    #[error("the form is larger than 16 KiB")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("the form took longer than 10 seconds to arrive")]
    TooSlow,
    /// The body ended early, or its framing is malformed.
    #[error("the body is incomplete or malformed")]
    Broken,
    /// A field is not UTF-8.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// The multipart body violates its format.
    #[error("the multipart form is malformed")]
    Multipart,
    /// A part is a file.
    #[error("the form contains a file; send text fields only")]
    File,
    /// A name has two values.
    #[error("{0} is given twice")]
    Twice(String),
    /// A required field is missing.
    #[error("{0} missing")]
    Missing(&'static str),
    /// The value of a field breaks a rule.
    #[error("{1}")]
    Invalid(&'static str, Box<Self>),
    /// Several fields are missing or break a rule; never empty.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Several(Vec<Self>),
    /// The email breaks a rule.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The new password breaks the password policy.
    #[error(transparent)]
    PasswordPolicy(#[from] PasswordPolicyError),
    /// The name of a passkey breaks a rule.
    #[error(transparent)]
    PasskeyName(#[from] PasskeyNameError),
    /// The name of a group or an application breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The URL of an application breaks a rule.
    #[error(transparent)]
    AppUrl(#[from] AppOriginError),
    /// An invitation is valid for a whole number of days.
    #[error("days is a number from 1 to 90")]
    Days,
}

impl FormError {
    /// The value of a field that was parsed; an error names the field.
    pub(crate) fn within<T, E: Into<Self>>(
        field: &'static str,
        read: Result<T, E>,
    ) -> Result<T, Self> {
        read.map_err(|error| Self::Invalid(field, Box::new(error.into())))
    }

    /// Both values, or all that is wrong with them: missing fields first, because clients without
    /// the details read the first error alone.
    pub(crate) fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(one), Err(other)) => {
                let mut errors = [one.all(), other.all()].concat();
                errors.sort_by_key(|error| !matches!(error, Self::Missing(_)));
                Err(Self::Several(errors))
            }
        }
    }

    /// The other values and a new password, or all that is wrong with them. If something else is at
    /// fault, the password policy is checked too; else the use case checks it.
    pub(crate) fn with_new_password<A>(
        others: Result<A, Self>,
        (field, password): (&'static str, Result<Password, Self>),
        auth: &Auth,
    ) -> Result<(A, Password), Self> {
        let password = match (&others, password) {
            (Err(_), Ok(password)) => {
                let checked = auth.check_new_password(&password, None);
                Self::within(field, checked).map(|()| password)
            }
            (_, password) => password,
        };
        Self::both(others, password)
    }

    /// The errors of all fields that are at fault.
    pub(crate) fn all(&self) -> &[Self] {
        if let Self::Several(errors) = self {
            errors
        } else {
            std::slice::from_ref(self)
        }
    }

    /// The field that is at fault.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Twice(field) => Some(field),
            Self::Missing(field) | Self::Invalid(field, _) => Some(field),
            Self::Several(errors) => errors.first().and_then(Self::field),
            Self::Email(_)
            | Self::Password(_)
            | Self::PasswordPolicy(_)
            | Self::PasskeyName(_)
            | Self::Name(_)
            | Self::AppUrl(_)
            | Self::Days
            | Self::MediaType
            | Self::Encoded
            | Self::TooLarge
            | Self::TooSlow
            | Self::Broken
            | Self::NotUtf8
            | Self::Multipart
            | Self::File => None,
        }
    }

    /// The status and the error code of the response.
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
            Self::Broken | Self::NotUtf8 | Self::Multipart | Self::File => {
                (StatusCode::BAD_REQUEST, "malformed_body")
            }
            Self::Twice(_) => (StatusCode::BAD_REQUEST, "duplicate_field"),
            Self::Invalid(_, error) => error.status_and_code(),
            Self::PasswordPolicy(refused) => (StatusCode::BAD_REQUEST, refused.code()),
            Self::PasskeyName(_) => (StatusCode::BAD_REQUEST, "invalid_passkey_name"),
            Self::Name(_) => (StatusCode::BAD_REQUEST, "invalid_name"),
            Self::AppUrl(_) => (StatusCode::BAD_REQUEST, "invalid_url"),
            Self::Days => (StatusCode::BAD_REQUEST, "invalid_days"),
            Self::Several(errors) => errors.first().map_or(
                (StatusCode::BAD_REQUEST, "malformed_body"),
                Self::status_and_code,
            ),
            Self::Missing(_)
            | Self::Email(EmailError::Missing)
            | Self::Password(PasswordError::Missing) => (StatusCode::BAD_REQUEST, "missing_field"),
            Self::Email(
                EmailError::TooLong
                | EmailError::ControlCharacter
                | EmailError::Space
                | EmailError::Shape
                | EmailError::Invisible
                | EmailError::UnusualLetter
                | EmailError::Quoted,
            ) => (StatusCode::BAD_REQUEST, "invalid_email"),
            Self::Password(PasswordError::Nul | PasswordError::TooLong) => {
                (StatusCode::BAD_REQUEST, "invalid_password")
            }
        }
    }
}
