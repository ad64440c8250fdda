use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::PostgresUrl;

/// Where the data is: a URL whose scheme picks the engine.
///
/// `sqlite://PATH` is a file; what follows the two slashes is the path as it stands, so
/// `sqlite://a.db` is relative to the working folder and `sqlite:///var/lib/a.db` is absolute.
///
/// `postgres://USER@HOST/DATABASE` is a server, in all the forms that libpq takes.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

/// The URL names no database that this program can open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The scheme is none of ours, or there is none.
    #[error(
        "a database URL begins with sqlite:// (as in sqlite://bienvenue.db or sqlite:///var/lib/bienvenue/bienvenue.db) or with postgres://"
    )]
    UnknownScheme,
    /// Nothing after the scheme.
    #[error("the path of the SQLite file is missing after sqlite://")]
    NoPath,
    /// A database in memory would be another one for each connection.
    #[error("SQLite in memory would forget every account; name a file after sqlite://")]
    InMemory,
    /// Options behind a question mark are not taken.
    #[error("a SQLite URL takes no options after '?'; the service sets them itself")]
    Options,
    /// There is a NUL in it.
    #[error("the database URL has a NUL character in it")]
    Nul,
}

impl DatabaseUrl {
    /// Names a SQLite file by its path.
    #[must_use]
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_owned())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return if url.contains('\0') {
                Err(DatabaseUrlError::Nul)
            } else {
                Ok(Self::Postgres(PostgresUrl::new(url)))
            };
        }
        let Some(path) = url.strip_prefix("sqlite://") else {
            return Err(DatabaseUrlError::UnknownScheme);
        };
        match path {
            "" | "/" => Err(DatabaseUrlError::NoPath),
            ":memory:" | "/:memory:" => Err(DatabaseUrlError::InMemory),
            _ if path.contains('?') => Err(DatabaseUrlError::Options),
            _ if path.contains('\0') => Err(DatabaseUrlError::Nul),
            _ => Ok(Self::Sqlite(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL without anything secret, fit for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
