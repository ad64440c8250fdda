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
    Unavailable(#[source] Unavailable),
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
    /// Every connection of the pool was in use for as long as a request may wait, or a new
    /// one could not be opened.
    #[error("no connection in time ({0})")]
    Pool(#[from] r2d2::Error),
    /// Locked by another process, full, read-only, or gone.
    #[error("{0}")]
    Database(DieselError),
}

/// Texts of SQLite that mean "not now". Diesel has no kind for them.
const SQLITE_NOT_NOW: [&str; 7] = [
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "attempt to write a readonly database",
    "disk I/O error",
    "unable to open database file",
    "database schema is locked",
];

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        if is_unavailability(&error) {
            Self::Unavailable(Unavailable::Database(error))
        } else {
            Self::Failed(error)
        }
    }
}

/// Diesel's errors may get more kinds, and one that is not known here is a defect.
fn is_unavailability(error: &DieselError) -> bool {
    if let DieselError::DatabaseError(kind, info) = error {
        return matches!(kind, DatabaseErrorKind::ClosedConnection)
            || SQLITE_NOT_NOW
                .iter()
                .any(|text| info.message().starts_with(text));
    }
    if let DieselError::RollbackErrorOnCommit { commit_error, .. } = error {
        return is_unavailability(commit_error);
    }
    matches!(error, DieselError::BrokenTransactionManager)
}

impl From<r2d2::Error> for DbError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Whether a write was refused because the email is taken. SQLite tells the column in its
/// message only.
pub(super) fn is_taken_email(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
            if info.message().contains("users.email_key")
    )
}
