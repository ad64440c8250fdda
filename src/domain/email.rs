//! Email addresses, and the form in which they are compared.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};
use serde::Serialize;

/// An email address as its owner wrote it, without surrounding white space.
///
/// The rules are those of the HTTP API: at most 250 characters, one `@` between a local part and
/// a domain, no control characters, no white space. Addresses are compared by [`Email::key`], so
/// that one mailbox is one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Email(String);

/// The normalized form of an address, which is equal for all spellings of one mailbox: trimmed
/// and in lower case (`char::to_lowercase` on each character, without its context).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NormalizedEmail(String);

/// Why a text is not a valid email address. The messages are for the user who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// It is empty or white space.
    #[error("email missing")]
    Missing,
    /// It is longer than [`Email::MAX_CHARACTERS`].
    #[error("email is longer than 250 characters")]
    TooLong,
    /// It contains a control character.
    #[error("email has a control character in it")]
    ControlCharacter,
    /// It contains white space.
    #[error("email has a space in it")]
    Space,
    /// It has no `@` or several, or nothing before or after it.
    #[error("email needs a name, one @ and a domain")]
    Shape,
    /// It contains an invisible character, or one that changes the direction of text.
    #[error("email has an invisible character in it; please type it again")]
    Invisible,
    /// It is not in NFC, or contains a non-ASCII letter whose lower case is an ASCII letter.
    #[error("email has a letter in an unusual form; please type it with ordinary letters")]
    UnusualLetter,
    /// Its local part is quoted.
    #[error("email has quotation marks before the @; please write it without them")]
    Quoted,
}

impl Email {
    /// The longest address, in characters.
    pub const MAX_CHARACTERS: usize = 250;

    /// Parses an address by the rules above.
    ///
    /// # Errors
    /// [`EmailError`] with the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let address = storable(text)?;
        if address.contains(char::is_whitespace) {
            return Err(EmailError::Space);
        }
        match address.split_once('@') {
            Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
            {
                Ok(Self(address.to_owned()))
            }
            Some(_) | None => Err(EmailError::Shape),
        }
    }

    /// Parses a new address for an account. Beyond [`Email::parse`], it refuses addresses that
    /// could collide with another one or imitate it: with invisible characters, with letters that
    /// change under normalization or in lower case (the Kelvin sign becomes `k`), or with a quoted
    /// local part. Existing accounts keep such addresses.
    ///
    /// # Errors
    /// [`EmailError`] with the rule that it breaks.
    pub fn parse_new(text: &str) -> Result<Self, EmailError> {
        let email = Self::parse(text)?;
        let address = email.as_str();
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let bidirectional = CodePointSetData::new::<BidiControl>();
        if address.contains(|c| ignorable.contains(c) || bidirectional.contains(c)) {
            return Err(EmailError::Invisible);
        }
        let is_nfc = ComposingNormalizerBorrowed::new_nfc().is_normalized(address);
        let folds_to_ascii = |c: char| !c.is_ascii() && c.to_lowercase().any(|low| low.is_ascii());
        if !is_nfc || address.contains(folds_to_ascii) {
            return Err(EmailError::UnusualLetter);
        }
        if address.starts_with('"') && address.contains("\"@") {
            return Err(EmailError::Quoted);
        }
        Ok(email)
    }

    /// An address from the database, unchecked: an imported one may break the rules.
    pub(crate) fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The normalized form, by which addresses are compared.
    #[must_use]
    pub fn key(&self) -> NormalizedEmail {
        NormalizedEmail::canonical(&self.0)
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NormalizedEmail {
    /// Parses an address to look an account up. It accepts addresses that could not be registered
    /// today, because an imported account may have one.
    ///
    /// # Errors
    /// [`EmailError`] if the text is empty, too long, or contains a control character.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        storable(text).map(Self::canonical)
    }

    pub(crate) fn canonical(text: &str) -> Self {
        Self(text.trim().chars().flat_map(char::to_lowercase).collect())
    }

    /// The key as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn storable(text: &str) -> Result<&str, EmailError> {
    let text = text.trim();
    if text.is_empty() {
        Err(EmailError::Missing)
    } else if text.chars().nth(Email::MAX_CHARACTERS).is_some() {
        Err(EmailError::TooLong)
    } else if text.contains(char::is_control) {
        Err(EmailError::ControlCharacter)
    } else {
        Ok(text)
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Email> for NormalizedEmail {
    fn from(email: &Email) -> Self {
        email.key()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::kelvin_sign("mi\u{212A}e@x.com", EmailError::UnusualLetter)]
    #[case::angstrom_sign("\u{212B}sa@x.com", EmailError::UnusualLetter)]
    #[case::dotted_capital_i("\u{130}smail@x.com", EmailError::UnusualLetter)]
    #[case::combining_accent("rene\u{301}@x.com", EmailError::UnusualLetter)]
    #[case::zero_width_space("a\u{200B}@x.com", EmailError::Invisible)]
    #[case::byte_order_mark("b\u{FEFF}ob@x.com", EmailError::Invisible)]
    #[case::soft_hyphen("b\u{AD}ob@x.com", EmailError::Invisible)]
    #[case::right_to_left_override("a\u{202E}bob@x.com", EmailError::Invisible)]
    #[case::left_to_right_mark("bob\u{200E}@x.com", EmailError::Invisible)]
    #[case::hangul_filler("bob\u{3164}@x.com", EmailError::Invisible)]
    #[case::variation_selector("bob\u{FE0F}@x.com", EmailError::Invisible)]
    #[case::quoted("\"a\"@x.com", EmailError::Quoted)]
    fn l3_imitations_are_refused_for_new_accounts_only(
        #[case] address: &str,
        #[case] error: EmailError,
    ) {
        assert_eq!(Email::parse_new(address), Err(error));
        assert!(Email::parse(address).is_ok() && NormalizedEmail::parse(address).is_ok());
    }

    #[rstest]
    fn l3_letters_of_all_languages_are_accepted(
        #[values(
            "ren\u{E9}@x.com",
            "\u{E5}sa@x.com",
            "用户@例子.广告",
            "иван@почта.рф",
            "o'neil+a@x.com"
        )]
        address: &str,
    ) {
        assert!(Email::parse_new(address).is_ok());
    }
}
