//! Where users come from: a file, or the database of another system.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::str::FromStr;

use super::{SourceRows, authelia, csv_file, htpasswd, json_lines, keycloak};

/// The longest file of a format that is not read row by row.
const WHOLE_FILE_MAX: u64 = 256 * 1024 * 1024;

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
    /// The rows of a file; none for the database of another system. Blocks for reading.
    ///
    /// # Errors
    /// [`io::Error`] if the file cannot be read.
    pub fn rows(&self) -> io::Result<Option<SourceRows>> {
        Ok(match self {
            Self::Csv(path) => Some(csv_file::rows(File::open(path)?)?),
            Self::JsonLines(path) => Some(json_lines::rows(BufReader::new(File::open(path)?))),
            Self::Htpasswd(path) => Some(htpasswd::rows(BufReader::new(File::open(path)?))),
            Self::Authelia(path) => Some(authelia::rows(&whole(path)?)?),
            Self::Keycloak(path) => Some(keycloak::rows(&whole(path)?)?),
            Self::PocketBase(_) | Self::Django(_) | Self::Flask(_) => None,
        })
    }
}

/// The text of a file of limited size.
fn whole(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(WHOLE_FILE_MAX)
        .read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) == WHOLE_FILE_MAX {
        let error = "the file is larger than 256 MiB: split it";
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(text)
}
