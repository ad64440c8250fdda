//! The password policy: refuses new passwords that are easy to guess, at any length.
//!
//! Letter case does not matter here. There are no rules about kinds of characters: only passwords
//! that attackers are known to try are refused.

mod common;
mod context;
mod keyboard_runs;

use zeroize::Zeroizing;

pub use context::ContextWords;

use crate::auth::PasswordPolicyError;
use crate::domain::{Email, NormalizedEmail, Password};

/// The rules apply if the minimum length is at least this. Shorter minimums are for development.
pub(in crate::auth) const FROM_MINIMUM: usize = 8;

/// Checks that a password is not easy to guess for this user.
pub(in crate::auth) fn check(
    password: &Password,
    email: Option<&Email>,
    service: &ContextWords,
) -> Result<(), PasswordPolicyError> {
    let forwards = folded(password.expose().chars());
    let backwards = folded(password.expose().chars().rev());
    let key = email.map(Email::key);
    let person = key.as_ref().map_or("", NormalizedEmail::as_str);
    let context = service.with_person(person);
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

/// The characters in lower case, in memory that is zeroed. It is allocated once, so that no copy
/// stays behind.
fn folded(password: impl Iterator<Item = char>) -> Zeroizing<String> {
    /// A character becomes at most three, each of at most four bytes.
    const ROOM: usize = Password::MAX_BYTES * 12;
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    text.extend(password.flat_map(char::to_lowercase));
    text
}

/// The shortest text of which the whole is a repetition; the whole if there is none.
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
