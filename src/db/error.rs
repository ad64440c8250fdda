//! Errors of the database layer, and how the engines' errors map to them.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::domain::Email;

/// Why a database operation failed. The three errors of the reference service stay distinct
/// from each other and from a failing database, which is never reported as "not found".
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The request is valid, and no row matches.
    #[error("no result found")]
    NoResultFound,
    /// The request itself is invalid.
    #[error(transparent)]
    InvalidRequest(#[from] InvalidRequest),
    /// Another user has this email, in this or another spelling.
    #[error("User {0} already exists")]
    AlreadyExists(Email),
    /// The database cannot be reached or cannot write now. The same request may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[from] Unavailable),
    /// A defect: the database returned an unexpected error.
    #[error("the database failed: {0}")]
    Failed(#[source] DieselError),
}

/// Why a request to the database is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// `users` has no column of this name that may be filtered by or changed.
    #[error("users has no attribute {0}")]
    UnknownColumn(String),
    /// The value is not valid for the column.
    #[error("invalid value for {0}")]
    BadValue(&'static str),
    /// The update changes nothing.
    #[error("no changes given")]
    NoChanges,
}

/// Why the database cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// No connection could be opened in the time for which a request may wait.
    #[error("no connection in time ({0})")]
    Pool(#[from] r2d2::Error),
    /// All connections of the pool were in use for as long as a request may wait.
    #[error("all connections are in use")]
    InUse,
    /// The connection was lost, or the server can no longer write. Nothing was committed.
    #[error("the connection was lost ({0})")]
    ConnectionLost(DieselError),
    /// The connection was lost during a commit, which may or may not have succeeded.
    #[error("the connection was lost during a commit ({0})")]
    CommitUnknown(DieselError),
    /// The transaction conflicted with another one and was rolled back.
    #[error("rolled back because of another transaction ({0})")]
    Conflict(DieselError),
    /// The database is locked by another process, or too slow.
    #[error("{0}")]
    Busy(DieselError),
    /// The request waited until its deadline and was not begun.
    #[error("the deadline of the request has passed")]
    DeadlineExceeded,
    /// The disk is full. Nothing was committed.
    #[error("no space is left on the disk ({0})")]
    Full(DieselError),
    /// The database has become read-only. Nothing was committed.
    #[error("the database cannot be written ({0})")]
    ReadOnly(DieselError),
    /// The disk failed during a commit. The page cache may differ from the disk.
    #[error("a commit was lost ({0})")]
    CommitFailed(DieselError),
    /// A commit was lost, or the database was moved, and the process has to restart.
    #[error("the service has to restart")]
    ShuttingDown,
    /// The database was moved, and refuses every change.
    #[error("{0}")]
    Moved(DieselError),
    /// A pooler moved this client to a server connection without its prepared statements, or
    /// with those of another client.
    #[error(
        "the connection pooler mixes up prepared statements ({0}); if its pool_mode is \
         transaction, set --database-pooler transaction (BIENVENUE_DATABASE_POOLER); if it is \
         session, set server_reset_query = DISCARD ALL in pgbouncer.ini"
    )]
    Pooler(DieselError),
    /// The database's files cannot be opened for writing.
    #[error("the database's files cannot be opened for writing")]
    NotWritable,
    /// The schema is older than this program.
    #[error("the schema is older than this program: `bienvenue db migrate` brings it up to date")]
    Schema,
    /// The database file is damaged: the requested data cannot be read or trusted.
    #[error("the database file is damaged ({0})")]
    Damaged(String),
}

/// SQLite's messages about a damaged file.
const DAMAGED: [&str; 3] = ["malformed", "file is not a database", "database corruption"];

/// Messages of the engines that mean "not now" and for which Diesel has no error kind.
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

/// Messages of the engines about a full disk.
const FULL: [&str; 3] = [
    "database or disk is full",
    "could not extend file",
    "No space left",
];

/// The message of the triggers of a database that was moved.
pub(super) const MOVED: &str = "the database was moved";

/// Messages of PostgreSQL, or of a pooler, to connected clients when it shuts down.
const LOST: [&str; 4] = [
    "terminating connection",
    "server closed the connection",
    "the database system is",
    "could not receive data from server",
];

/// Messages of PostgreSQL to a client whose prepared statement is missing or is another client's. The
/// values of this client are then read as those of another statement; they are never malformed.
const MISPLACED: [&str; 4] = [
    "prepared statement \"__diesel_stmt_",
    "invalid byte sequence for encoding",
    "incorrect binary data format in bind parameter",
    "insufficient data left in message",
];

impl DbError {
    /// Whether the database is unreachable. The log has separate lines for that.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(Unavailable::Pool(_) | Unavailable::ConnectionLost(_))
        )
    }

    /// The level at which background work logs this error.
    #[must_use]
    pub fn background_level(&self) -> log::Level {
        if self.is_outage() {
            log::Level::Debug
        } else {
            log::Level::Warn
        }
    }

    /// Whether the transaction was surely rolled back, and may succeed now. A row that was missing
    /// is missing again.
    pub(super) fn is_worth_a_second_try(&self) -> bool {
        match self {
            Self::Unavailable(Unavailable::ConnectionLost(_)) => true,
            Self::Unavailable(Unavailable::Conflict(error)) => !refers_to_nothing(error),
            Self::NoResultFound
            | Self::InvalidRequest(_)
            | Self::AlreadyExists(_)
            | Self::Unavailable(_)
            | Self::Failed(_) => false,
        }
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        if says(&error, &[MOVED]) {
            Unavailable::Moved(error).into()
        } else if is_damage(&error) {
            Unavailable::Damaged(error.to_string()).into()
        } else if is_lost(&error) {
            Unavailable::ConnectionLost(error).into()
        } else if is_conflict(&error) {
            Unavailable::Conflict(error).into()
        } else if says(&error, &MISPLACED) {
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

/// Whether SQLite found its file damaged, or a row contains a value that this program never
/// writes, such as text that is not UTF-8.
pub(super) fn is_damage(error: &DieselError) -> bool {
    matches!(error, DieselError::DeserializationError(_)) || says(error, &DAMAGED)
}

/// Whether the server is gone or can no longer write.
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

/// Whether a commit with this error was surely not done.
pub(super) fn is_undone(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ReadOnlyTransaction,
            _
        )
    )
}

/// Whether the disk failed (SQLite).
pub(super) fn is_disk_failure(error: &DieselError) -> bool {
    says(error, &["disk I/O error"])
}

/// Whether another transaction came in between: also one that removed a row to which this one
/// refers.
fn is_conflict(error: &DieselError) -> bool {
    refers_to_nothing(error)
        || matches!(
            error,
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)
        )
        || inner(error).is_some_and(is_conflict)
        || says(error, &["deadlock detected"])
}

/// Whether a row to which a new one refers is missing: removed by another transaction, or lost in
/// a damaged file.
fn refers_to_nothing(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)
    )
}

/// The error of a commit after which the rollback failed too.
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

/// Whether a write was refused because the email is taken. PostgreSQL names the constraint;
/// SQLite names the column in its message only.
pub(super) fn is_taken_email(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
            if info.constraint_name() == Some("users_email_key")
                || info.message().contains("users.email_key")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_row_to_which_a_new_one_refers_is_no_defect() {
        let message = Box::new("FOREIGN KEY constraint failed".to_owned());
        let error = DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, message);
        let error = DbError::from(error);
        assert!(
            matches!(error, DbError::Unavailable(Unavailable::Conflict(_))),
            "{error}"
        );
    }

    #[test]
    fn values_bound_to_another_clients_statement_name_the_pooler() {
        for message in [
            "prepared statement \"__diesel_stmt_8\" does not exist",
            "bind message supplies 4 parameters, but prepared statement \"__diesel_stmt_1\" requires 2",
            "invalid byte sequence for encoding \"UTF8\": 0xd3 0x25",
            "incorrect binary data format in bind parameter 1",
            "insufficient data left in message",
        ] {
            let message = Box::new(message.to_owned());
            let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, message);
            let error = DbError::from(error);
            assert!(
                matches!(error, DbError::Unavailable(Unavailable::Pooler(_))),
                "{error}"
            );
        }
    }
}
