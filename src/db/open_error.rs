use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::sqlite::Duplicate;
use super::{DbError, Unavailable};

/// What opening a database had to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It was there, with the schema of this program.
    AsItWas,
    /// It was not there, or empty.
    Created,
    /// It had an older schema.
    Migrated {
        /// Where the copy of the file before is; a server's backups are its operator's.
        copy: Option<PathBuf>,
    },
    /// It was a file of the document's service; the copy is the file before.
    Adopted {
        /// How many users were taken over.
        users: usize,
        /// How many of them stay logged in.
        sessions: usize,
        /// How many have a password of a kind that cannot be checked, by kind.
        unknown_hashes: BTreeMap<&'static str, usize>,
        /// Where the copy is.
        copy: PathBuf,
    },
}

impl Opened {
    /// What the operator has to do about it, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self::Adopted { unknown_hashes, .. } = self else {
            return None;
        };
        let kinds: Vec<String> = unknown_hashes
            .iter()
            .map(|(kind, users)| format!("{kind}: {users}"))
            .collect();
        let users: usize = unknown_hashes.values().sum();
        (users > 0).then(|| {
            format!(
                "{users} users have passwords of a kind that cannot be checked ({}): they cannot \
                 log in before they reset their password",
                kinds.join(", ")
            )
        })
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsItWas => write!(f, "found, schema current"),
            Self::Created => write!(f, "created"),
            Self::Migrated { copy: None } => write!(f, "schema brought up to date"),
            Self::Migrated { copy: Some(copy) } => write!(
                f,
                "schema brought up to date; the file as it was is {}",
                copy.display()
            ),
            Self::Adopted {
                users,
                sessions,
                copy,
                unknown_hashes: _,
            } => write!(
                f,
                "adopted {users} users, {sessions} of them logged in; the file as it was is {} \
                 (it holds session ids: delete it when you no longer need it)",
                copy.display()
            ),
        }
    }
}

/// Why a database cannot be opened, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file, and this use does not create one.
    #[error("there is no database at {}; if the service has one elsewhere, name it by its whole path in DATABASE_URL; to make a new one, run `bienvenue db migrate`", .0.display())]
    NotThere(PathBuf),
    /// The file cannot be created or reached.
    #[error("cannot open the database file {}: {source}; the folder must exist and be writable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a SQLite database; name another file in DATABASE_URL, or move this one away", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of some other program.
    #[error("{} is a database of another program ({finding}); name another file in DATABASE_URL", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What tells so.
        finding: String,
    },
    /// The file is broken.
    #[error("the database {} is damaged ({finding}); restore a backup, or save what can be read with `sqlite3 FILE .recover`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found first.
        finding: String,
    },
    /// The file or its folder cannot be written.
    #[error("the database {} cannot be written; give the service's user write access to the file and its folder", .0.display())]
    ReadOnly(PathBuf),
    /// The disk under the file fails, or has no space.
    #[error("the disk under the database {} takes no writes ({cause}); free space on it, and if there is enough, look into the system's log for the disk", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// The schema is older, and this use does not change it.
    #[error(
        "the schema of the database is older than this program ({missing} is missing); run `bienvenue db migrate`"
    )]
    OldSchema {
        /// The first migration that is missing.
        missing: String,
    },
    /// The schema is newer.
    #[error(
        "the schema of the database is newer than this program (it has {version}); run the newer program, or restore the copy made before it migrated"
    )]
    NewerSchema {
        /// The newest migration that is unknown.
        version: String,
    },
    /// The database is one of the document's service, and this use does not adopt it.
    #[error("{} is a database of the document's service; `bienvenue db migrate` takes it over", .0.display())]
    NotAdopted(PathBuf),
    /// Users of the document's service that would be one account here.
    #[error("{}", duplicates_text(path, duplicates))]
    Duplicates {
        /// The file.
        path: PathBuf,
        /// The users, by address.
        duplicates: Vec<Duplicate>,
    },
    /// The copy that is made before a change could not be made.
    #[error("cannot copy the database to {} before changing it: {cause}; nothing was changed", path.display())]
    Copy {
        /// Where the copy should have gone.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// The server was waited for in vain.
    #[error("cannot reach {url}: {cause}")]
    Away {
        /// The server, without its password.
        url: String,
        /// What the client library says.
        cause: String,
    },
    /// The server refuses the connection, and will as long as nothing is changed.
    #[error("{url} refuses the connection: {cause}; {remedy}")]
    Refused {
        /// The server, without its password.
        url: String,
        /// What the server says.
        cause: String,
        /// What to do.
        remedy: String,
    },
    /// The role may not use the tables, or may not make them.
    #[error(
        "the database role lacks a privilege: {cause}; run as the owner of the tables: {remedy}"
    )]
    Privileges {
        /// What it may not do.
        cause: String,
        /// The GRANT that is missing.
        remedy: String,
    },
    /// A connection pooler is in the way that the settings do not name.
    #[error("{url} is a connection pooler ({finding}); {remedy}")]
    Pooler {
        /// The server, without its password.
        url: String,
        /// How that showed.
        finding: String,
        /// What to set.
        remedy: &'static str,
    },
    /// The URL asks for TLS, and this build has none for PostgreSQL.
    #[error(
        "this build has no TLS for PostgreSQL: build with `--no-default-features --features system-libpq` (README, PostgreSQL)"
    )]
    NoTls,
    /// Another process holds it.
    #[error("the database {} is in use by another process ({cause}); stop that one first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// How that showed.
        cause: String,
    },
    /// A migration failed; the schema is as it was.
    #[error("a migration failed, nothing was changed: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    /// No connection could be opened.
    #[error("cannot connect to the database: {0}")]
    Connect(#[from] r2d2::Error),
    /// The database failed otherwise.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl OpenError {
    /// Whether trying again is of no use until somebody has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotThere(_)
            | Self::File { .. }
            | Self::NotADatabase(_)
            | Self::Foreign { .. }
            | Self::Damaged { .. }
            | Self::ReadOnly(_)
            | Self::OldSchema { .. }
            | Self::NewerSchema { .. }
            | Self::NotAdopted(_)
            | Self::NoTls
            | Self::Refused { .. }
            | Self::Privileges { .. }
            | Self::Pooler { .. }
            | Self::Duplicates { .. } => true,
            Self::Copy { .. }
            | Self::InUse { .. }
            | Self::Disk { .. }
            | Self::Away { .. }
            | Self::Migration(_)
            | Self::Connect(_) => false,
            Self::Database(error) => {
                matches!(error, DbError::Unavailable(Unavailable::Pooler(_)))
            }
        }
    }
}

fn duplicates_text(path: &std::path::Path, duplicates: &[Duplicate]) -> String {
    let list: Vec<String> = duplicates.iter().map(|d| format!("  {d}")).collect();
    format!(
        "{path} has several users with one email address (letter case and white space around do \
         not count):\n{list}\nKeep one of each: give the others another address, or delete them, \
         for example with\n  sqlite3 {path} \"DELETE FROM users WHERE id = N\"\nand start again. \
         Nothing was changed.",
        path = path.display(),
        list = list.join("\n"),
    )
}
