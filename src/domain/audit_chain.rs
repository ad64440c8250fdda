//! The chain of the audit table: each row has a digest over the row before and its own content.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type ChainDigest = [u8; 32];

/// The digest in front of the first row.
pub const CHAIN_START: ChainDigest = [0; 32];

/// Hashed in front of a row, and of the content of a row.
const ROW: &str = "bienvenue/audit-row/1";
const CONTENT: &str = "bienvenue/audit-content/1";

/// The bytes of a digest that a mail has: 128 bits.
const SHORT: usize = 16;

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRow {
    /// 1, 2, 3, ...
    pub position: i64,
    /// When it happened, in seconds since 1970-01-01 UTC.
    pub at: i64,
    /// The name of the event.
    pub event: String,
    /// The user whom it concerns.
    pub user_id: Option<i64>,
    /// The name of the actor that caused it.
    pub actor: String,
    /// The administrator who caused it.
    pub actor_id: Option<i64>,
    /// The details as JSON; none if they were erased.
    pub details: Option<String>,
    /// Random bytes, so that erased details cannot be guessed from their digest. Erased with them.
    pub salt: Option<Vec<u8>>,
    /// The digest of salt and details.
    pub content_digest: Vec<u8>,
    /// The digest of the row, with that of the row before.
    pub digest: Vec<u8>,
}

impl ChainRow {
    /// The digest that the row must have after a row with this digest.
    #[must_use]
    pub fn digest_after(&self, previous: &[u8]) -> ChainDigest {
        let number = |number: Option<i64>| {
            let mut bytes = [0; 9];
            if let (Some(number), [flag, digits @ ..]) = (number, &mut bytes) {
                *flag = 1;
                digits.copy_from_slice(&number.to_be_bytes());
            }
            bytes
        };
        let mut hash = Sha256::new();
        hash.update(ROW);
        // Each part has a fixed length, or its length in front: no two rows have the same bytes.
        for part in [previous, self.event.as_bytes(), self.actor.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.position.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        hash.update(number(self.user_id));
        hash.update(number(self.actor_id));
        hash.update(&self.content_digest);
        hash.finalize().into()
    }

    /// Whether salt and details are those of the digest, or were erased together.
    #[must_use]
    pub fn has_own_content(&self) -> bool {
        match (&self.salt, &self.details) {
            (Some(salt), Some(details)) => {
                content_digest(salt, details).as_slice() == self.content_digest
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether the details were erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.details.is_none()
    }
}

/// The digest of the details of a row.
#[must_use]
pub fn content_digest(salt: &[u8], details: &str) -> ChainDigest {
    Sha256::new()
        .chain_update(CONTENT)
        .chain_update((salt.len() as u64).to_be_bytes())
        .chain_update(salt)
        .chain_update(details)
        .finalize()
        .into()
}

/// The last row of a chain, as a mail names it: `1234:` and 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The position of the row; 0 for an empty chain.
    pub position: i64,
    digest: [u8; SHORT],
}

/// The text is no chain head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a chain head: a position, a colon, and 32 hexadecimal digits, as in an email")]
pub struct ChainHeadError;

impl ChainHead {
    /// The head of a chain whose last row is at this position and has this digest.
    #[must_use]
    pub fn new(position: i64, digest: &[u8]) -> Self {
        let digest = digest.first_chunk().copied().unwrap_or_default();
        Self { position, digest }
    }

    /// Whether the row at its position has this digest.
    #[must_use]
    pub fn is_of(&self, digest: &[u8]) -> bool {
        digest.starts_with(&self.digest)
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, HEXLOWER.encode(&self.digest))
    }
}

impl FromStr for ChainHead {
    type Err = ChainHeadError;

    fn from_str(text: &str) -> Result<Self, ChainHeadError> {
        let (position, digits) = text.split_once(':').ok_or(ChainHeadError)?;
        let is_number = position.bytes().all(|byte| byte.is_ascii_digit());
        let position = position.parse().ok().filter(|_| is_number);
        let digest = HEXLOWER.decode(digits.as_bytes()).ok();
        Ok(Self {
            position: position.ok_or(ChainHeadError)?,
            digest: digest
                .and_then(|digest| digest.try_into().ok())
                .ok_or(ChainHeadError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_head_is_read_as_it_is_written() {
        let head = ChainHead::new(12, &[0xab; 32]);
        assert_eq!(head.to_string(), format!("12:{}", "ab".repeat(16)));
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!(head.is_of(&[0xab; 32]) && !head.is_of(&[0xac; 32]) && !head.is_of(&[]));
        for wrong in [
            "",
            "12",
            "12:ab",
            "-1:00000000000000000000000000000000",
            "+1:00000000000000000000000000000000",
        ] {
            assert_eq!(wrong.parse::<ChainHead>(), Err(ChainHeadError), "{wrong}");
        }
    }

    #[test]
    fn each_part_of_a_row_is_in_its_digest() {
        let row = ChainRow {
            position: 7,
            at: 1_800_000_000,
            event: "a".to_owned(),
            user_id: Some(1),
            actor: "b".to_owned(),
            actor_id: None,
            details: Some("{}".to_owned()),
            salt: Some(vec![1; 16]),
            content_digest: content_digest(&[1; 16], "{}").to_vec(),
            digest: Vec::new(),
        };
        let others = [
            ChainRow {
                position: 8,
                ..row.clone()
            },
            ChainRow {
                at: 1_800_000_001,
                ..row.clone()
            },
            ChainRow {
                event: "ab".to_owned(),
                actor: String::new(),
                ..row.clone()
            },
            ChainRow {
                user_id: None,
                ..row.clone()
            },
            ChainRow {
                user_id: None,
                actor_id: Some(1),
                ..row.clone()
            },
            ChainRow {
                actor: "c".to_owned(),
                ..row.clone()
            },
            ChainRow {
                content_digest: vec![0; 32],
                ..row.clone()
            },
        ];
        let digest = row.digest_after(&CHAIN_START);
        for other in others {
            assert_ne!(other.digest_after(&CHAIN_START), digest, "{other:?}");
        }
        assert_ne!(row.digest_after(&[1; 32]), digest);
        assert!(row.has_own_content());
        let edited = ChainRow {
            details: Some("{ }".to_owned()),
            ..row.clone()
        };
        assert!(!edited.has_own_content());
        assert!(!ChainRow { salt: None, ..row }.has_own_content());
    }
}
