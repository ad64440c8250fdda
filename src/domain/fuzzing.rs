//! The body of the fuzz target `email`. It panics if a rule is broken.

use super::{Email, NormalizedEmail};

/// Checks that a parsed email can be parsed again from its text, with the same key, and that
/// the key of what a user types is the key of the parsed email.
pub fn email(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let key = NormalizedEmail::parse(text);
    let Ok(email) = Email::parse(text) else {
        return;
    };
    assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    assert_eq!(key.as_ref(), Ok(&email.key()));
    assert_eq!(
        NormalizedEmail::canonical(email.key().as_str()),
        email.key()
    );
}
