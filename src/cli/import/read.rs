//! Reads a source in batches: a file, or the database of another system.

use std::io;

use crate::cli::CliError;
use crate::db::{OtherDatabase, OtherSystem, OtherUser};
use crate::import::{Source, SourceRow, SourceRows, SourceUser};

/// An open source.
pub(super) enum Reader {
    File(SourceRows),
    Database(OtherDatabase),
}

impl Reader {
    pub(super) fn open(source: &Source) -> Result<Self, CliError> {
        if let Some(rows) = source.rows().map_err(unreadable)? {
            return Ok(Self::File(rows));
        }
        let (system, place) = match source {
            Source::PocketBase(path) => (OtherSystem::PocketBase, path.to_string_lossy()),
            Source::Flask(path) => (OtherSystem::Flask, path.to_string_lossy()),
            Source::Django(place) => (OtherSystem::Django, place.into()),
            Source::Csv(_)
            | Source::JsonLines(_)
            | Source::Htpasswd(_)
            | Source::Authelia(_)
            | Source::Keycloak(_) => return Ok(Self::File(Box::new(std::iter::empty()))),
        };
        Ok(Self::Database(OtherDatabase::open(&system, &place)?))
    }

    /// The next rows of the source, each with its number. None after the last one.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<SourceRow>, CliError> {
        match self {
            Self::File(rows) => {
                let rows: io::Result<Vec<SourceRow>> = rows.take(count).collect();
                rows.map_err(unreadable)
            }
            Self::Database(database) => {
                let users = database.next_page()?;
                Ok(users.into_iter().map(row).collect())
            }
        }
    }
}

fn unreadable(error: io::Error) -> CliError {
    CliError::Unreadable(error)
}

/// A user of another system's database. The key of its row is the number in the report.
fn row(user: OtherUser) -> SourceRow {
    let groups = user.groups.unwrap_or_default();
    let source = SourceUser {
        email: user.email.unwrap_or_default(),
        hash: user.hash,
        is_verified: user.verified != 0,
        is_disabled: user.disabled != 0,
        groups: groups.lines().map(str::to_owned).collect(),
        created_at: None,
    };
    (user.key.unsigned_abs(), Ok(source))
}
