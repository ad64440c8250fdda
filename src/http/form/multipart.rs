use actix_multipart::{Field, Multipart};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use futures_util::{TryStreamExt, stream};
use zeroize::Zeroizing;

use super::{Fields, FormError};

/// Reads `multipart/form-data` (RFC 7578): every part a named field of UTF-8, none a file.
/// Nothing inside a part is decoded.
pub(super) async fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Fields, FormError> {
    let body = Bytes::copy_from_slice(body);
    let body = stream::once(async move { Ok::<_, PayloadError>(body) });
    let mut parts = Multipart::new(headers, Box::pin(body));
    let mut fields = Fields::default();
    while let Some(part) = parts.try_next().await.or(Err(FormError::Multipart))? {
        let name = name(&part)?;
        fields.add(name, value(part).await?)?;
    }
    Ok(fields)
}

fn name(part: &Field) -> Result<String, FormError> {
    let disposition = part.content_disposition().ok_or(FormError::Multipart)?;
    if disposition.get_filename().is_some() || disposition.get_filename_ext().is_some() {
        return Err(FormError::File);
    }
    let name = disposition.get_name().ok_or(FormError::Multipart)?;
    Ok(name.to_owned())
}

async fn value(mut part: Field) -> Result<Zeroizing<String>, FormError> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(chunk) = part.try_next().await.or(Err(FormError::Multipart))? {
        bytes.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(&bytes).or(Err(FormError::NotUtf8))?;
    Ok(Zeroizing::new(text.to_owned()))
}
