//! The failure of a whole group, as an error for each of its members.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::db::connection::transactions::commit_failure;
use crate::db::{DbError, Unavailable};

/// The cause in a form from which each member gets its own error: Diesel's cannot be cloned.
pub(super) enum Failure {
    /// The work of a member made SQLite roll back the whole transaction.
    Work(DatabaseErrorKind, String),
    /// The commit failed.
    Commit(DatabaseErrorKind, String),
    /// A member panicked.
    Abandoned,
}

impl Failure {
    pub(super) fn of_work(error: &DbError) -> Self {
        let (kind, text) =
            cause(error).map_or_else(|| (DatabaseErrorKind::Unknown, error.to_string()), parts);
        Self::Work(kind, text)
    }

    pub(super) fn of_commit(error: &DieselError) -> Self {
        let (kind, text) = parts(error);
        Self::Commit(kind, text)
    }

    pub(super) fn error(&self) -> DbError {
        match self {
            Self::Work(kind, text) => database_error(*kind, text).into(),
            Self::Commit(kind, text) => commit_failure(database_error(*kind, text)),
            Self::Abandoned => {
                let text = "another member of the group did not finish";
                let error = database_error(DatabaseErrorKind::Unknown, text);
                Unavailable::Conflict(error).into()
            }
        }
    }
}

fn database_error(kind: DatabaseErrorKind, text: &str) -> DieselError {
    DieselError::DatabaseError(kind, Box::new(text.to_owned()))
}

fn parts(error: &DieselError) -> (DatabaseErrorKind, String) {
    if let DieselError::DatabaseError(kind, info) = error {
        (*kind, info.message().to_owned())
    } else {
        (DatabaseErrorKind::Unknown, error.to_string())
    }
}

/// The error of the database, if there is one.
fn cause(error: &DbError) -> Option<&DieselError> {
    match error {
        DbError::Failed(error)
        | DbError::Unavailable(
            Unavailable::ConnectionLost(error)
            | Unavailable::CommitUnknown(error)
            | Unavailable::Conflict(error)
            | Unavailable::Busy(error)
            | Unavailable::Full(error)
            | Unavailable::ReadOnly(error)
            | Unavailable::Moved(error)
            | Unavailable::CommitFailed(error),
        ) => Some(error),
        DbError::NoResultFound
        | DbError::InvalidRequest(_)
        | DbError::AlreadyExists(_)
        | DbError::Unavailable(
            Unavailable::Pool(_)
            | Unavailable::InUse
            | Unavailable::DeadlineExceeded
            | Unavailable::NotWritable
            | Unavailable::ShuttingDown
            | Unavailable::Schema
            | Unavailable::Pooler(_)
            | Unavailable::Damaged(_),
        ) => None,
    }
}
