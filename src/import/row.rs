//! One user of a source, and whether it can be imported.

use crate::domain::{
    Email, EmailError, ForeignHashError, GroupName, HashedPassword, Prehash, WeakHash,
};

/// The highest cost of a bcrypt hash that is imported: a check takes two seconds.
const BCRYPT_COST_MAX: u32 = 15;

/// A user as the source has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceUser {
    /// The address.
    pub email: String,
    /// The password hash; none if the user has no password.
    pub hash: Option<String>,
    /// Whether the source has verified the address.
    pub is_verified: bool,
    /// Whether the source has disabled the user.
    pub is_disabled: bool,
    /// The groups of the user.
    pub groups: Vec<String>,
    /// When the user registered there, in seconds since 1970.
    pub created_at: Option<i64>,
}

/// The password of a user who can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedPassword {
    /// The user has none.
    None,
    /// A hash that is stored as it is, and the name of its kind.
    Stored(HashedPassword, &'static str),
    /// A hash that is wrapped in bcrypt.
    Weak(WeakHash),
}

/// A user who can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: ImportedPassword,
    /// Whether the address counts as verified.
    pub is_verified: bool,
    /// Whether the user is disabled.
    pub is_disabled: bool,
    /// The groups.
    pub groups: Vec<GroupName>,
    /// When the user registered, in seconds since 1970.
    pub created_at: Option<i64>,
}

/// Why a row is not imported. The messages contain no value of the row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The row does not follow the format.
    #[error("{0}")]
    Malformed(String),
    /// The address breaks a rule.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// The hash cannot be checked.
    #[error("{0}")]
    Hash(#[from] ForeignHashError),
    /// The bcrypt hash is too costly.
    #[error("the bcrypt hash is too costly: a cost of at most 15")]
    BcryptCost,
    /// The name of a group has other characters.
    #[error("a group's name has other characters than lower-case letters, digits, - and _")]
    Group,
}

impl SourceUser {
    /// Checks the address, the hash and the groups.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub fn parse(self) -> Result<NewUser, Refusal> {
        let email = Email::parse_new(&self.email)?;
        let password = match self.hash.as_deref().map(str::trim) {
            None | Some("") => ImportedPassword::None,
            // Django's text for a password that was never set.
            Some(text) if text.starts_with('!') => ImportedPassword::None,
            Some(text) => parse_hash(text)?,
        };
        let groups = self.groups.iter().map(|group| group_name(group));
        Ok(NewUser {
            email,
            password,
            is_verified: self.is_verified,
            is_disabled: self.is_disabled,
            groups: groups.collect::<Result<_, _>>()?,
            created_at: self.created_at,
        })
    }
}

fn parse_hash(text: &str) -> Result<ImportedPassword, Refusal> {
    let text = text.strip_prefix("bcrypt$").unwrap_or(text);
    let text = text.strip_prefix("{BCRYPT}").unwrap_or(text);
    let text = text.strip_prefix("{CRYPT}").unwrap_or(text);
    let stored = HashedPassword::from_stored(text);
    if let Some((prehash, bcrypt)) = stored.bcrypt() {
        let cost = bcrypt.get(4..6).and_then(|cost| cost.parse().ok());
        if cost.is_none_or(|cost: u32| cost > BCRYPT_COST_MAX) {
            return Err(Refusal::BcryptCost);
        }
        let kind = match prehash {
            Prehash::None | Prehash::Hmac => "bcrypt",
            Prehash::Sha256 => "bcrypt over sha256",
            Prehash::Weak { .. } => "bcrypt over a weak hash",
        };
        return Ok(ImportedPassword::Stored(stored, kind));
    }
    match stored.foreign() {
        Ok(Some(hash)) => Ok(ImportedPassword::Stored(stored, hash.kdf().name())),
        Ok(None) => Ok(ImportedPassword::None),
        Err(error) => match WeakHash::parse(text) {
            Some(weak) => Ok(ImportedPassword::Weak(weak)),
            None => Err(error.into()),
        },
    }
}

/// A group's name in lower case, with hyphens for spaces. Keycloak writes a path.
fn group_name(text: &str) -> Result<GroupName, Refusal> {
    let name = text.trim().trim_start_matches('/').to_lowercase();
    let name = name.replace([' ', '/', '.'], "-");
    name.parse().or(Err(Refusal::Group))
}
