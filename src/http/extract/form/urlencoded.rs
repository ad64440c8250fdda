//! Parses URL-encoded forms.

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::Fields;
use crate::http::FormError;

/// Parses `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), except that bytes that
/// are not UTF-8 are refused instead of replaced. As there, a `%` without two hex digits is a `%`.
pub(super) fn parse(body: &[u8]) -> Result<Fields, FormError> {
    let mut fields = Fields::default();
    for pair in body.split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        fields.add(name.to_string(), value)?;
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<Zeroizing<String>, FormError> {
    let spaced: Zeroizing<Vec<u8>> = Zeroizing::new(
        text.iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect(),
    );
    let bytes = percent_decode(&spaced).collect();
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .or(Err(FormError::NotUtf8))
}
