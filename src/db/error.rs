use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::domain::Email;

/// What can come of a question to the database. The document's three meanings stay apart
/// from each other and from a database that fails, which is never "nobody found".
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The question was right and no row answers it.
    #[error("no result found")]
    NoResultFound,
    /// The question itself is wrong.
    #[error(transparent)]
    InvalidRequest(#[from] InvalidRequest),
    /// Another user has that email, in this or another spelling.
    #[error("User {0} already exists")]
    AlreadyExists(Email),
    /// The database cannot be reached or cannot write now; the same request may pass later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[from] Unavailable),
    /// A defect: the database answered what this program does not expect.
    #[error("the database failed: {0}")]
    Failed(#[source] DieselError),
}

/// A question that no database could answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// `users` has no column of that name, or none that may be asked for or changed.
    #[error("users has no attribute {0}")]
    UnknownColumn(String),
    /// The value cannot be one of that column.
    #[error("that is no value for {0}")]
    BadValue(&'static str),
    /// An update that changes nothing.
    #[error("no changes given")]
    NoChanges,
}

/// Why the database cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// No connection could be opened for as long as a request may wait.
    #[error("no connection in time ({0})")]
    Pool(#[from] r2d2::Error),
    /// Every connection of the pool was in use for as long as a request may wait.
    #[error("all connections are in use")]
    InUse,
    /// The connection was lost, or the server is no longer one that can write; nothing was
    /// committed.
    #[error("the connection was lost ({0})")]
    Lost(DieselError),
    /// The connection was lost during a commit: it may have been done or not.
    #[error("the connection was lost during a commit ({0})")]
    Unknown(DieselError),
    /// Another transaction was in the way, and this one was rolled back.
    #[error("rolled back for another transaction ({0})")]
    Conflict(DieselError),
    /// Locked by another process, or too slow.
    #[error("{0}")]
    Busy(DieselError),
    /// The request had waited for so long that it was not begun.
    #[error("no time was left")]
    Late,
    /// The disk is full; nothing was committed.
    #[error("no space is left ({0})")]
    Full(DieselError),
    /// The database has become read-only; nothing was committed.
    #[error("the database cannot be written ({0})")]
    ReadOnly(DieselError),
    /// The disk failed during a commit, and what the system still holds of it is unknown.
    #[error("a commit was lost ({0})")]
    NotWritten(DieselError),
    /// A commit was lost before, and the program has to be started anew.
    #[error("a commit was lost; the program has to be started anew")]
    Ending,
    /// A pooler moved this client to a server connection that does not have its prepared
    /// statements, or has those of another client.
    #[error(
        "the connection pooler mixes up prepared statements ({0}); if its pool_mode is \
         transaction, set --database-pooler transaction (BIENVENUE_DATABASE_POOLER); if it is \
         session, set server_reset_query = DISCARD ALL in pgbouncer.ini"
    )]
    Pooler(DieselError),
    /// The database's files cannot be opened for writing.
    #[error("the database's files cannot be opened for writing")]
    NotWritable,
    /// The schema is not the one of this program.
    #[error("the schema is not the one of this program")]
    Schema,
    /// The database file is damaged: what was asked for cannot be read, or not be trusted.
    #[error("the database file is damaged ({0})")]
    Damaged(String),
}

/// What SQLite says of a damaged file.
const DAMAGED: [&str; 3] = ["malformed", "file is not a database", "database corruption"];

/// What the engines say, in texts for which Diesel has no kind, when it means "not now".
const BUSY: [&str; 10] = [
    // SQLite
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "disk I/O error",
    "unable to open database file",
    // PostgreSQL
    "canceling statement",
    "canceling authentication",
    "could not write",
    "out of shared memory",
    "out of memory",
];

/// The same for a disk that is full, on either engine.
const FULL: [&str; 3] = [
    "database or disk is full",
    "could not extend file",
    "No space left",
];

/// What PostgreSQL, or a pooler in front of it, says to those who are connected when it goes
/// away.
const LOST: [&str; 4] = [
    "terminating connection",
    "server closed the connection",
    "the database system is",
    "could not receive data from server",
];

impl DbError {
    /// Whether the database is away, of which the log has lines of its own.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(Unavailable::Pool(_) | Unavailable::Lost(_))
        )
    }

    /// The level at which work in the background logs that it failed.
    #[must_use]
    pub fn background_level(&self) -> log::Level {
        if self.is_outage() {
            log::Level::Debug
        } else {
            log::Level::Warn
        }
    }

    /// Whether nothing was committed and there is hope.
    pub(super) fn is_worth_a_second_try(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(Unavailable::Lost(_) | Unavailable::Conflict(_))
        )
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        if is_damage(&error) {
            Unavailable::Damaged(error.to_string()).into()
        } else if is_lost(&error) {
            Unavailable::Lost(error).into()
        } else if is_conflict(&error) {
            Unavailable::Conflict(error).into()
        } else if is_misplaced_statement(&error) {
            Unavailable::Pooler(error).into()
        } else if says(&error, &FULL) {
            Unavailable::Full(error).into()
        } else if says(&error, &["attempt to write a readonly database"]) {
            Unavailable::ReadOnly(error).into()
        } else if says(&error, &BUSY) {
            Unavailable::Busy(error).into()
        } else {
            Self::Failed(error)
        }
    }
}

impl From<r2d2::Error> for DbError {
    fn from(error: r2d2::Error) -> Self {
        Unavailable::from(error).into()
    }
}

/// Whether SQLite found its file damaged, or a row holds what this program never writes there,
/// such as text that is not UTF-8.
pub(super) fn is_damage(error: &DieselError) -> bool {
    matches!(error, DieselError::DeserializationError(_)) || says(error, &DAMAGED)
}

/// Whether the other end is gone, or can no longer write.
pub(super) fn is_lost(error: &DieselError) -> bool {
    matches!(error, DieselError::BrokenTransactionManager)
        || matches!(
            error,
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    | DatabaseErrorKind::ReadOnlyTransaction,
                _
            )
        )
        || inner(error).is_some_and(is_lost)
        || says(error, &LOST)
}

/// Whether a commit that failed this way was surely not done.
pub(super) fn is_undone(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ReadOnlyTransaction,
            _
        )
    )
}

/// Whether SQLite's disk failed.
pub(super) fn is_disk_failure(error: &DieselError) -> bool {
    says(error, &["disk I/O error"])
}

fn is_conflict(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)
    ) || inner(error).is_some_and(is_conflict)
        || says(error, &["deadlock detected"])
}

/// Whether a server connection has not the prepared statements that this client made.
fn is_misplaced_statement(error: &DieselError) -> bool {
    says(error, &["prepared statement \"__diesel_stmt_"])
}

/// A commit that failed and could not be rolled back either.
fn inner(error: &DieselError) -> Option<&DieselError> {
    if let DieselError::RollbackErrorOnCommit { commit_error, .. } = error {
        Some(commit_error)
    } else {
        None
    }
}

fn says(error: &DieselError, texts: &[&str]) -> bool {
    if let DieselError::DatabaseError(_, info) = error {
        texts.iter().any(|text| info.message().contains(text))
    } else {
        inner(error).is_some_and(|error| says(error, texts))
    }
}

/// Whether a write was refused because the email is taken: PostgreSQL names the constraint,
/// SQLite tells the column in its message only.
pub(super) fn is_taken_email(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
            if info.constraint_name() == Some("users_email_key")
                || info.message().contains("users.email_key")
    )
}
