//! Which passwords are too easily guessed to become somebody's, whatever their length.
//!
//! Letter case tells no two passwords apart here, and nothing is asked of what a password is
//! made of: only what others are known to have tried is refused.

mod common;
mod context;
mod keyboard_runs;

use zeroize::Zeroizing;

pub use context::ContextWords;

use crate::auth::PasswordPolicyError;
use crate::domain::{Email, Password};

/// Where the rules begin to hold: who allows shorter passwords is trying, not serving.
pub(in crate::auth) const FROM_MINIMUM: usize = 8;

/// Whether anybody would guess that password of that person.
pub(in crate::auth) fn check(
    password: &Password,
    email: &Email,
    service: &ContextWords,
) -> Result<(), PasswordPolicyError> {
    let forwards = folded(password.expose().chars());
    let backwards = folded(password.expose().chars().rev());
    let key = email.key();
    let context = service.with_person(key.as_str());
    for password in [&*forwards, &*backwards] {
        if common::is_common(password) || keyboard_runs::is_made_of_rows(password) {
            return Err(PasswordPolicyError::Common);
        }
        if context.is_most_of(password) {
            return Err(PasswordPolicyError::Context);
        }
    }
    Ok(())
}

/// In lower case, in memory that is wiped, allocated once so that no copy is left behind.
fn folded(password: impl Iterator<Item = char>) -> Zeroizing<String> {
    /// A character becomes three at the most, of four bytes at the most.
    const ROOM: usize = Password::MAX_BYTES * 12;
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    text.extend(password.flat_map(char::to_lowercase));
    text
}

/// The shortest text that the whole is a repetition of; the whole, if it is none.
fn repeated_unit(text: &str) -> &str {
    text.char_indices()
        .skip(1)
        .map(|(at, _)| text.split_at(at))
        .find(|(unit, _)| text.len().is_multiple_of(unit.len()) && is_repetition(text, unit))
        .map_or(text, |(unit, _)| unit)
}

fn is_repetition(text: &str, unit: &str) -> bool {
    text.as_bytes()
        .chunks(unit.len())
        .all(|part| part == unit.as_bytes())
}
