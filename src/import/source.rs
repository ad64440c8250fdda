//! Where users come from: a file, or the database of another system.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::str::FromStr;

use super::bounded::{Bounded, EntryLimit};
use super::{SourceRows, authelia, csv_file, htpasswd, json_lines, keycloak};

/// A source of users, as on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file with a row of names and one row for each user.
    Csv(PathBuf),
    /// A file with one JSON object a line.
    JsonLines(PathBuf),
    /// Apache's file of passwords.
    Htpasswd(PathBuf),
    /// Authelia's file of users.
    Authelia(PathBuf),
    /// Keycloak's export of a realm.
    Keycloak(PathBuf),
    /// A database of `PocketBase`.
    PocketBase(PathBuf),
    /// A database of Django: a file, or the URL of a PostgreSQL server.
    Django(String),
    /// A database of a Flask application with a table of users.
    Flask(PathBuf),
}

/// The text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a source is a file that ends in .csv, .jsonl or .ndjson; or csv:FILE, jsonl:FILE, \
     htpasswd:FILE, authelia:FILE, keycloak:FILE, pocketbase:FILE, flask:FILE, \
     django:FILE or django:postgres://..."
)]
pub struct SourceError;

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (kind, place) = match text.split_once(':') {
            Some((kind, place)) => (kind, place),
            None => match text.rsplit_once('.') {
                Some((_, ending)) => (ending, text),
                None => return Err(SourceError),
            },
        };
        let path = PathBuf::from(place);
        match kind {
            "csv" => Ok(Self::Csv(path)),
            "jsonl" | "ndjson" => Ok(Self::JsonLines(path)),
            "htpasswd" => Ok(Self::Htpasswd(path)),
            "authelia" => Ok(Self::Authelia(path)),
            "keycloak" => Ok(Self::Keycloak(path)),
            "pocketbase" => Ok(Self::PocketBase(path)),
            "django" => Ok(Self::Django(place.to_owned())),
            "flask" => Ok(Self::Flask(path)),
            _ => Err(SourceError),
        }
    }
}

impl Source {
    /// The rows of a file; none for the database of another system. A file is read row by row, and
    /// fails where an entry is longer than 1 MiB, so that memory is bounded. Blocks for reading.
    ///
    /// # Errors
    /// [`io::Error`] if the file cannot be read.
    pub fn rows(&self) -> io::Result<Option<SourceRows>> {
        Ok(match self {
            Self::Csv(path) => Some(each(path, csv_file::rows)?),
            Self::JsonLines(path) => Some(each(path, |file| {
                Ok(json_lines::rows(BufReader::new(file)))
            })?),
            Self::Htpasswd(path) => {
                Some(each(path, |file| Ok(htpasswd::rows(BufReader::new(file))))?)
            }
            Self::Authelia(path) => Some(each(path, |file| authelia::rows(BufReader::new(file)))?),
            Self::Keycloak(path) => {
                let (file, limit) = open(path)?;
                Some(keycloak::rows(BufReader::new(file), limit)?)
            }
            Self::PocketBase(_) | Self::Django(_) | Self::Flask(_) => None,
        })
    }
}

fn open(path: &PathBuf) -> io::Result<(Bounded<File>, EntryLimit)> {
    Ok(Bounded::new(File::open(path)?))
}

/// The rows of a file, each of bounded length.
fn each(
    path: &PathBuf,
    rows: impl FnOnce(Bounded<File>) -> io::Result<SourceRows>,
) -> io::Result<SourceRows> {
    let (file, limit) = open(path)?;
    Ok(Box::new(rows(file)?.inspect(move |_| limit.renew())))
}
