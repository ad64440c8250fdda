//! The extractor of forms, URL-encoded and multipart. It refuses everything that is ambiguous.

mod current_password;
mod fields;
mod multipart;
mod second_factor;
mod urlencoded;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, UPGRADE};
use actix_web::{FromRequest, HttpRequest, rt};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::http::{FormError, HttpError};

pub(crate) use current_password::CurrentPasswordForm;
pub(crate) use fields::{FieldText, Fields};
pub(crate) use second_factor::{CodeForm, ProofForm};

/// The largest body, in bytes.
const BODY_MAX: usize = 16 * 1024;

/// How long a body may take to arrive after the request's head.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A form as a struct of [`FieldText`]s.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

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
