//! Finds the emails of accounts in limit keys, which contain only a digest of the email.

use std::collections::BTreeMap;

use crate::db::{DB, DbError, LimitRow};
use crate::domain::{Email, LimitKey};

/// How many users are read at a time.
const PAGE: u32 = 1000;

/// The number of digits of a digest.
const DIGEST_LENGTH: usize = 64;

/// The emails for the digests in some rows; none for an unknown account.
pub(super) struct ThrottledAccounts(BTreeMap<String, Option<Email>>);

impl ThrottledAccounts {
    /// Reads users until all digests are found. Blocks.
    pub(super) fn find(db: &DB, rows: &[LimitRow]) -> Result<Self, DbError> {
        let digests = rows.iter().filter_map(|row| digest(row.key.as_str()));
        let mut found: BTreeMap<_, _> = digests.map(|text| (text.to_owned(), None)).collect();
        let mut missing = found.len();
        let mut after = None;
        while missing > 0 {
            let users = db.users_after(after, PAGE)?;
            let Some(last) = users.last() else { break };
            after = Some(last.id);
            for user in users {
                let key = LimitKey::account(&user.email.key());
                let account = digest(key.as_str()).and_then(|digest| found.get_mut(digest));
                if let Some(email @ None) = account {
                    *email = Some(user.email);
                    missing -= 1;
                }
            }
        }
        Ok(Self(found))
    }

    /// The key, with the email instead of its digest.
    pub(super) fn show(&self, key: &str) -> String {
        let Some(digest) = digest(key) else {
            return key.to_owned();
        };
        let shown = match self.0.get(digest) {
            Some(Some(email)) => email.to_string(),
            Some(None) | None => format!("unknown account {}", digest.get(..8).unwrap_or(digest)),
        };
        key.replacen(digest, &shown, 1)
    }
}

/// The first part of a key that looks like the digest of an email.
fn digest(key: &str) -> Option<&str> {
    let is_hex = |c: u8| c.is_ascii_digit() || matches!(c, b'a'..=b'f');
    key.split('/')
        .find(|part| part.len() == DIGEST_LENGTH && part.bytes().all(is_hex))
}
