//! Finds the emails of accounts in limit keys, which contain only a digest of the email.

use std::collections::BTreeMap;

use super::CliError;
use super::output::Pages;
use crate::db::{DB, DbError, LimitRow};
use crate::domain::{Email, LimitKey, UserId};

/// How many users are read at a time.
const PAGE: u32 = 1000;

/// The number of digits of a digest.
const DIGEST_LENGTH: usize = 64;

/// The users for the digests in a part of the limits, sorted by the first eight bytes of the digest;
/// none for an unknown account. 24 bytes for each, since a million may be listed.
pub(super) struct ThrottledAccounts(Vec<(u64, Option<UserId>)>);

impl ThrottledAccounts {
    /// Reads the limits of the part, and users until all digests are found. Blocks.
    pub(super) fn find(db: &DB, part: Pages<LimitKey>) -> Result<Self, CliError> {
        let mut found = Vec::new();
        part.show(
            |after, limit| db.limits(after, limit),
            |row| row.key.clone(),
            |row| found.extend(digest(&row.key).and_then(beginning).map(|it| (it, None))),
        )?;
        found.sort_unstable_by_key(|(beginning, _)| *beginning);
        found.dedup_by_key(|(beginning, _)| *beginning);
        let mut missing = found.len();
        let mut after = None;
        while missing > 0 {
            let users = db.users_after(after, PAGE)?;
            let Some(last) = users.last() else { break };
            after = Some(last.id);
            for user in users {
                let key = LimitKey::account(&user.email.key());
                let place = digest(&key).and_then(|digest| place(&found, digest));
                if let Some((_, owner @ None)) = place.and_then(|place| found.get_mut(place)) {
                    *owner = Some(user.id);
                    missing -= 1;
                }
            }
        }
        Ok(Self(found))
    }

    /// The subjects of some rows, with emails instead of their digests. Blocks for one lookup.
    pub(super) fn shown(
        &self,
        db: &DB,
        rows: Vec<LimitRow>,
    ) -> Result<Vec<(LimitRow, String)>, DbError> {
        let digests = rows.iter().filter_map(|row| digest(&row.key));
        let users = digests.filter_map(|digest| self.0.get(place(&self.0, digest)?)?.1);
        let emails = db.emails_of(&users.collect::<Vec<_>>())?;
        let emails = emails.into_iter().filter_map(|email| {
            let key = LimitKey::account(&email.key());
            Some((digest(&key)?.to_owned(), email))
        });
        let emails: BTreeMap<String, Email> = emails.collect();
        let shown = |row: LimitRow| {
            let mut subject = row.key.subject().to_owned();
            if let Some(digest) = digest(&row.key) {
                let unknown = || format!("unknown account {}", digest.get(..8).unwrap_or(digest));
                let owner = emails.get(digest).map_or_else(unknown, Email::to_string);
                subject = subject.replacen(digest, &owner, 1);
            }
            (row, subject)
        };
        Ok(rows.into_iter().map(shown).collect())
    }
}

/// The first part of a key that looks like the digest of an email.
fn digest(key: &LimitKey) -> Option<&str> {
    let is_hex = |c: u8| c.is_ascii_digit() || matches!(c, b'a'..=b'f');
    key.as_str()
        .split('/')
        .find(|part| part.len() == DIGEST_LENGTH && part.bytes().all(is_hex))
}

/// The first eight bytes of a digest.
fn beginning(digest: &str) -> Option<u64> {
    u64::from_str_radix(digest.get(..16)?, 16).ok()
}

/// Where a digest is in a sorted list.
fn place(found: &[(u64, Option<UserId>)], digest: &str) -> Option<usize> {
    let beginning = beginning(digest)?;
    found.binary_search_by_key(&beginning, |(it, _)| *it).ok()
}
