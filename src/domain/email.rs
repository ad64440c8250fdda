use std::fmt;
use std::str::FromStr;

/// An email address as its owner wrote it, white space around cut.
///
/// The rules are those of the HTTP contract: at most 250 characters, one `@` between a local
/// part and a domain, no control characters, no spaces. Addresses are compared by
/// [`Email::key`], so that one mailbox is one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
