//! The extractor of forms, URL-encoded and multipart. It refuses everything that is ambiguous.

mod fields;
mod multipart;
mod urlencoded;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, UPGRADE};
use actix_web::{FromRequest, HttpRequest, rt};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::domain::{EmailError, PasskeyNameError, PasswordError};
use crate::http::HttpError;

pub(crate) use fields::{FieldText, Fields};

/// The largest body, in bytes.
const BODY_MAX: usize = 16 * 1024;

/// How long a body may take to arrive after the request's head.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A form as a struct of [`FieldText`]s.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

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
    /// The email breaks a rule.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The name of a passkey breaks a rule.
    #[error(transparent)]
    PasskeyName(#[from] PasskeyNameError),
}

impl FormError {
    /// What was read of a field; an error names the field.
    pub(crate) fn within<T, E: Into<Self>>(
        field: &'static str,
        read: Result<T, E>,
    ) -> Result<T, Self> {
        read.map_err(|error| Self::Invalid(field, Box::new(error.into())))
    }

    /// The field that is at fault.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Twice(field) => Some(field),
            Self::Missing(field) | Self::Invalid(field, _) => Some(field),
            Self::Email(_)
            | Self::Password(_)
            | Self::PasskeyName(_)
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
            Self::PasskeyName(_) => (StatusCode::BAD_REQUEST, "invalid_passkey_name"),
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

/// The two encodings of a form.
pub(crate) enum Kind {
    UrlEncoded,
    Multipart,
}

impl Kind {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, FormError> {
        if headers
            .get_all(CONTENT_ENCODING)
            .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(FormError::Encoded);
        }
        let value = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media_type = value
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Self::UrlEncoded)
        } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
            Ok(Self::Multipart)
        } else {
            Err(FormError::MediaType)
        }
    }

    /// Parses a complete body.
    pub(crate) async fn parse(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Fields, FormError> {
        match self {
            Self::UrlEncoded => urlencoded::parse(body),
            Self::Multipart => multipart::parse(headers, body).await,
        }
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let fields = Fields::of(&request, payload).await?;
            Ok(Self(fields.deserialize()?))
        })
    }
}

impl Fields {
    /// Reads the form of a request.
    ///
    /// # Errors
    /// [`FormError`] for a body that is no form.
    pub(crate) async fn of(request: &HttpRequest, payload: Payload) -> Result<Self, FormError> {
        let headers = request.headers();
        let kind = Kind::of(headers)?;
        let body = rt::time::timeout(BODY_DEADLINE, read(headers, payload)).await;
        let body = body.or(Err(FormError::TooSlow))??;
        kind.parse(headers, &body).await
    }
}

/// Reads the body, at most up to the limit. A body with a larger `Content-Length` is not read.
async fn read(headers: &HeaderMap, mut payload: Payload) -> Result<Zeroizing<Vec<u8>>, FormError> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_MAX as u64) {
        return Err(FormError::TooLarge);
    }
    // After such a head the server passes everything on as body, regardless of the length: it
    // would never end.
    if headers
        .get_all(UPGRADE)
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
    {
        return Err(FormError::Broken);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_MAX));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.or(Err(FormError::Broken))?;
        if body.len() + chunk.len() > BODY_MAX {
            return Err(FormError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
