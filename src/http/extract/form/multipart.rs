//! Parses multipart forms.

use actix_multipart::{Field, Multipart};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, HeaderMap};
use actix_web::web::Bytes;
use futures_util::{TryStreamExt, stream};
use zeroize::Zeroizing;

use super::Fields;
use crate::http::FormError;

/// Parses `multipart/form-data` (RFC 7578). Every part must be a named field in UTF-8, not a file.
/// Nothing inside a part is decoded.
pub(super) async fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Fields, FormError> {
    let copy = Bytes::copy_from_slice(body);
    let copy = stream::once(async move { Ok::<_, PayloadError>(copy) });
    let mut parts = Multipart::new(headers, Box::pin(copy));
    let mut fields = Fields::default();
    let mut rest = body;
    while let Some(part) = parts.try_next().await.or(Err(FormError::Multipart))? {
        let name = name(&part)?;
        let announced = part.headers().contains_key(CONTENT_LENGTH);
        let value = value(part).await?;
        rest = behind(rest, value.as_bytes(), announced).ok_or(FormError::Multipart)?;
        fields.add(name, value)?;
    }
    Ok(fields)
}

/// The rest of the body after the part with this value, which must stand between an empty line
/// and a line break with a boundary. None if it does not.
///
/// The parser trusts a part's own `Content-Length` and drops the bytes after it, and it accepts a
/// boundary after a lone carriage return. Values that result from these readings are refused.
fn behind<'a>(rest: &'a [u8], value: &[u8], announced: bool) -> Option<&'a [u8]> {
    let head = find(rest, *b"\r\n\r\n")?;
    let rest = rest.get(head + 4..)?.strip_prefix(value)?;
    let ends = rest.starts_with(b"\r\n--");
    let swallowed = announced && find(value, *b"\r\n--").is_some();
    (ends && !swallowed).then_some(rest)
}

fn find(bytes: &[u8], what: [u8; 4]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn name(part: &Field) -> Result<String, FormError> {
    let disposition = part.content_disposition().ok_or(FormError::Multipart)?;
    if disposition.get_filename().is_some() || disposition.get_filename_ext().is_some() {
        return Err(FormError::File);
    }
    let mut names = disposition.parameters.iter().filter_map(|it| it.as_name());
    let dispositions = part.headers().get_all(CONTENT_DISPOSITION).count();
    match (names.next(), names.next(), dispositions) {
        (Some(name), None, 1) => Ok(name.to_owned()),
        _ => Err(FormError::Multipart),
    }
}

async fn value(mut part: Field) -> Result<Zeroizing<String>, FormError> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(chunk) = part.try_next().await.or(Err(FormError::Multipart))? {
        bytes.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(&bytes).or(Err(FormError::NotUtf8))?;
    Ok(Zeroizing::new(text.to_owned()))
}
