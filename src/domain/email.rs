//! Email addresses, and the form in which they are compared.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};
use serde::Serialize;

/// An email address as its owner wrote it, white space around cut.
///
/// The rules are those of the HTTP contract: at most 250 characters, one `@` between a local
/// part and a domain, no control characters, no spaces. Addresses are compared by
/// [`Email::key`], so that one mailbox is one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Email(String);

/// What two spellings of one mailbox have in common: trimmed, each character in lower case
/// (`char::to_lowercase`, the Unicode mapping that looks at no neighbours).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

/// Why a text is no email address; the sentence is fit for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing but white space.
    #[error("email missing")]
    Missing,
    /// Over [`Email::MAX_CHARACTERS`].
    #[error("email is longer than 250 characters")]
    TooLong,
    /// A control character inside.
    #[error("email has a control character in it")]
    ControlCharacter,
    /// White space inside.
    #[error("email has a space in it")]
    Space,
    /// No `@`, more than one, or nothing on one side of it.
    #[error("email needs a name, one @ and a domain")]
    Shape,
    /// A character that is not shown, or that changes the direction of the text.
    #[error("email has an invisible character in it; please type it again")]
    Invisible,
    /// A letter that Unicode treats as another one: not in NFC, or a letter of ASCII in lower case.
    #[error("email has a letter in an unusual form; please type it with ordinary letters")]
    UnusualLetter,
    /// A local part in quotation marks.
    #[error("email has quotation marks before the @; please write it without them")]
    Quoted,
}

impl Email {
    /// The longest address, in characters.
    pub const MAX_CHARACTERS: usize = 250;

    /// Takes an address by the rules above.
    ///
    /// # Errors
    /// [`EmailError`] says which rule it breaks.
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

    /// Parses an address that an account is to have from now on. Refuses, beyond the rules of
    /// [`Email::parse`], what could take or imitate another address: characters that are
    /// not shown, letters that become others when they are normalised or put into lower case (as the
    /// Kelvin sign becomes `k`), and quoted local parts. Accounts from before keep such addresses.
    ///
    /// # Errors
    /// [`EmailError`] says which rule it breaks.
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

    /// Takes an address out of the database as it is: an adopted one may be of any shape.
    pub(crate) fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The form by which addresses are compared.
    #[must_use]
    pub fn key(&self) -> EmailKey {
        EmailKey::canonical(&self.0)
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EmailKey {
    /// Takes the key of whatever somebody typed where an account is looked up, also of an
    /// address that could not be registered today but may have been adopted.
    ///
    /// # Errors
    /// [`EmailError`] for what no account can have: nothing, too long, control characters.
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

impl From<&Email> for EmailKey {
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
    fn l3_imitations_are_refused_for_new_accounts_alone(
        #[case] address: &str,
        #[case] error: EmailError,
    ) {
        assert_eq!(Email::parse_new(address), Err(error));
        assert!(Email::parse(address).is_ok() && EmailKey::parse(address).is_ok());
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
