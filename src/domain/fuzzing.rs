//! Where fuzzing looks in: what reads an address that anybody may type. Panics where a rule is
//! broken.

use super::{Email, EmailKey};

/// An email: one that is taken is taken again as it is shown, and has the key by which it is
/// looked up when it is typed.
pub fn email(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let key = EmailKey::parse(text);
    let Ok(email) = Email::parse(text) else {
        return;
    };
    assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    assert_eq!(key.as_ref(), Ok(&email.key()));
    assert_eq!(EmailKey::canonical(email.key().as_str()), email.key());
}
