//! The URL of the database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::PostgresUrl;

/// The URL of the database. Its scheme selects the engine.
///
/// `sqlite://PATH` is a file. The path is not decoded: `sqlite://a.db` is relative to the working
/// directory, and `sqlite:///var/lib/a.db` is absolute.
///
/// `postgres://USER@HOST/DATABASE` is a server, in every form that libpq accepts.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

/// Why a text is not a valid database URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The scheme is missing or unknown.
    #[error(
        "a database URL begins with sqlite:// (as in sqlite://bienvenue.db or sqlite:///var/lib/bienvenue/bienvenue.db) or with postgres://"
    )]
    UnknownScheme,
    /// The path is missing.
    #[error("the path of the SQLite file is missing after sqlite://")]
    NoPath,
    /// It names a database in memory, of which each connection would have its own.
    #[error("a SQLite database in memory loses all accounts at exit: give a path after sqlite://")]
    InMemory,
    /// It has options after a question mark.
    #[error("a SQLite URL must not have options after '?': the service sets them itself")]
    Options,
    /// It contains a NUL character.
    #[error("the database URL contains a NUL character")]
    Nul,
}

impl DatabaseUrl {
    /// The URL of a SQLite file.
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
    /// The URL without passwords and parameters, for the log.
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
