//! The outcome of opening a database, and the reasons why it can fail.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{DbError, Unavailable};

/// The changes that opening a database has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    /// Nothing: the schema was current.
    Unchanged,
    /// It created the schema in a new or empty database.
    Created,
    /// It migrated an older schema.
    Migrated {
        /// The copy of the original file; none on PostgreSQL, whose operator makes backups.
        copy: Option<PathBuf>,
    },
    /// It imported a file of the reference service.
    Imported {
        /// The number of imported users.
        users: usize,
        /// How many of them stay logged in.
        sessions: usize,
        /// How many have a password hash that cannot be checked, by algorithm.
        unknown_hashes: BTreeMap<&'static str, usize>,
        /// The copy of the original file.
        copy: PathBuf,
    },
}

impl OpenOutcome {
    /// A warning for the operator, if there is one.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self::Imported { unknown_hashes, .. } = self else {
            return None;
        };
        let kinds: Vec<String> = unknown_hashes
            .iter()
            .map(|(kind, users)| format!("{kind}: {users}"))
            .collect();
        let users: usize = unknown_hashes.values().sum();
        (users > 0).then(|| {
            format!(
                "{users} users have password hashes that this service cannot check ({}): they \
                 cannot log in before they reset their password",
                kinds.join(", ")
            )
        })
    }
}

impl fmt::Display for OpenOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => write!(f, "found, schema current"),
            Self::Created => write!(f, "created"),
            Self::Migrated { copy: None } => write!(f, "schema brought up to date"),
            Self::Migrated { copy: Some(copy) } => write!(
                f,
                "schema brought up to date; the original file was copied to {}",
                copy.display()
            ),
            Self::Imported {
                users,
                sessions,
                copy,
                unknown_hashes: _,
            } => write!(
                f,
                "imported {users} users, {sessions} of them logged in; the original file was \
                 copied to {} (it contains session ids: delete it when you no longer need it)",
                copy.display()
            ),
        }
    }
}

/// Users with the same address, in one or several spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateEmail {
    /// The id and the spelling of each user, the lowest id first.
    pub users: Vec<(i64, String)>,
}

impl fmt::Display for DuplicateEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (id, email)) in self.users.iter().enumerate() {
            let separator = if nth == 0 { "" } else { ", " };
            write!(f, "{separator}user {id} {email:?}")?;
        }
        Ok(())
    }
}

/// Why a database cannot be opened, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not exist, and the open mode does not create one.
    #[error("there is no database at {}: set DATABASE_URL to the absolute path of the service's database, or create a new one with `bienvenue db migrate`", .0.display())]
    NotFound(PathBuf),
    /// The file cannot be created or reached.
    #[error("cannot open the database file {}: {source}; the folder must exist and be writable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a SQLite database.
    #[error("{} is not a SQLite database; set DATABASE_URL to another file, or move this one away", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of another program.
    #[error("{} is a database of another program ({finding}); set DATABASE_URL to another file", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Why it belongs to another program.
        finding: String,
    },
    /// The file is damaged.
    #[error("the database {} is damaged ({finding}); restore a backup, or recover the readable rows with `sqlite3 FILE .recover`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first finding of SQLite.
        finding: String,
    },
    /// The file or its directory cannot be written.
    #[error("the database {} cannot be written; give the service's user write access to the file and its folder", .0.display())]
    ReadOnly(PathBuf),
    /// The disk is full or failing.
    #[error("the disk of the database {} refuses writes ({cause}); free space on it, or if there is enough, check the system log for disk errors", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        cause: String,
    },
    /// The schema is older, and the open mode does not migrate it.
    #[error(
        "the schema of the database is older than this program ({missing} is missing); run `bienvenue db migrate`"
    )]
    OldSchema {
        /// The first missing migration.
        missing: String,
    },
    /// The schema is newer.
    #[error(
        "the schema of the database is newer than this program (it has {version}); run the newer program, or restore the copy made before it migrated"
    )]
    NewerSchema {
        /// The newest unknown migration.
        version: String,
    },
    /// The file is a database of the reference service, and the open mode does not import it.
    #[error("{} is a database of the reference service; import it with `bienvenue db migrate`", .0.display())]
    LegacyDatabase(PathBuf),
    /// Several users of the reference service would be one account here.
    #[error("{}", duplicates_text(path, duplicates))]
    Duplicates {
        /// The file.
        path: PathBuf,
        /// The users, by address.
        duplicates: Vec<DuplicateEmail>,
    },
    /// The file could not be copied before a change.
    #[error("cannot copy the database to {} before changing it: {cause}; nothing was changed", path.display())]
    Copy {
        /// The path of the copy.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// A backup could not be written.
    #[error("cannot write {}: {cause}; nothing was kept", path.display())]
    Backup {
        /// The file that was to be written.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// There is a file where a new one was to be written.
    #[error("{} exists already: move it away, or choose another name; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// The server could not be reached in time.
    #[error("cannot reach {url}: {cause}")]
    Unreachable {
        /// The server's URL, without its password.
        url: String,
        /// The error of the client library.
        cause: String,
    },
    /// The server refuses the connection, and a retry will not help.
    #[error("{url} refuses the connection: {cause}; {remedy}")]
    Refused {
        /// The server's URL, without its password.
        url: String,
        /// The error of the server.
        cause: String,
        /// The remedy.
        remedy: String,
    },
    /// The role may not use the tables, or may not create them.
    #[error(
        "the database role lacks a privilege: {cause}; run as the owner of the tables: {remedy}"
    )]
    Privileges {
        /// The missing privilege.
        cause: String,
        /// The GRANT that adds it.
        remedy: String,
    },
    /// There is a connection pooler, for which `--database-pooler` is not set correctly.
    #[error("{url} is a connection pooler ({finding}); {remedy}")]
    Pooler {
        /// The server's URL, without its password.
        url: String,
        /// How the pooler was detected.
        finding: String,
        /// The setting to change.
        remedy: &'static str,
    },
    /// The URL requires TLS, and this build has none for PostgreSQL.
    #[error(
        "this build has no TLS for PostgreSQL: build with `--no-default-features --features system-libpq` (README, PostgreSQL)"
    )]
    NoTls,
    /// The database is the target of a copy that runs, or was interrupted.
    #[error(
        "this database is an unfinished copy of {source_url}: if no copy runs now, complete it \
         with `bienvenue db copy`, which begins from the start, or use another database"
    )]
    UnfinishedCopy {
        /// The source, without its password.
        source_url: String,
    },
    /// The database was the source of an online copy, and its target is in charge.
    #[error("this database was moved to {target_url}: set DATABASE_URL to that")]
    Moved {
        /// The target, without its password.
        target_url: String,
    },
    /// Another process uses the file.
    #[error("the database {} is in use by another process ({cause}); stop that process first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// How the other process was detected.
        cause: String,
    },
    /// A migration failed and was rolled back.
    #[error("a migration failed and nothing was changed: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    /// No connection could be opened.
    #[error("cannot connect to the database: {0}")]
    Connect(#[from] r2d2::Error),
    /// The database failed in another way.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl OpenError {
    /// Whether a retry is useless until an operator has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotFound(_)
            | Self::File { .. }
            | Self::NotADatabase(_)
            | Self::NotOurs { .. }
            | Self::Damaged { .. }
            | Self::ReadOnly(_)
            | Self::OldSchema { .. }
            | Self::NewerSchema { .. }
            | Self::UnfinishedCopy { .. }
            | Self::Moved { .. }
            | Self::LegacyDatabase(_)
            | Self::NoTls
            | Self::Refused { .. }
            | Self::Privileges { .. }
            | Self::Pooler { .. }
            | Self::Exists(_)
            | Self::Duplicates { .. } => true,
            Self::Copy { .. }
            | Self::Backup { .. }
            | Self::InUse { .. }
            | Self::Disk { .. }
            | Self::Unreachable { .. }
            | Self::Migration(_)
            | Self::Connect(_) => false,
            Self::Database(error) => {
                matches!(error, DbError::Unavailable(Unavailable::Pooler(_)))
            }
        }
    }
}

fn duplicates_text(path: &std::path::Path, duplicates: &[DuplicateEmail]) -> String {
    let list: Vec<String> = duplicates.iter().map(|d| format!("  {d}")).collect();
    format!(
        "{path} has several users with the same email address (letter case and surrounding white \
         space do not count):\n{list}\nKeep one of each: change the address of the others or \
         delete them, for example with\n  sqlite3 {path} \"DELETE FROM users WHERE id = N\"\nand \
         start again. Nothing was changed.",
        path = path.display(),
        list = list.join("\n"),
    )
}
