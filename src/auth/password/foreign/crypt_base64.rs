//! The base64 of the C library's crypt: least significant bits first, in an alphabet of its own.

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes the bytes of a digest in this order of their indexes: three bytes in four characters,
/// the first one highest.
pub(super) fn encode(digest: &[u8], order: &[usize]) -> String {
    let mut text = String::new();
    for group in order.chunks(3) {
        let byte = |index: &usize| u32::from(digest.get(*index).copied().unwrap_or_default());
        let mut bits = group.iter().fold(0, |bits, index| bits << 8 | byte(index));
        for _ in 0..=group.len() {
            let symbol = usize::try_from(bits & 63).ok();
            let symbol = symbol.and_then(|symbol| ALPHABET.get(symbol));
            text.push(char::from(*symbol.unwrap_or(&b'.')));
            bits >>= 6;
        }
    }
    text
}
