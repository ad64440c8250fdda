//! QR codes as SVG, for pages and the API.

use fast_qr::ECL;
use fast_qr::convert::Builder;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;

/// A text as a QR code, black on white; none for a text of more than about 2,000 bytes.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    Some(SvgBuilder::default().margin(4).to_str(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_needs_no_style_and_no_script() {
        let code = svg("otpauth://totp/Bienvenue:a%40x%2Efr?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(code.starts_with("<svg viewBox="), "{code}");
        for word in ["style", "script", "href", "url("] {
            assert!(!code.contains(word), "{word}");
        }
        assert!(svg(&"x".repeat(5000)).is_none());
    }
}
