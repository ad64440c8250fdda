//! The table `copy_marks`: whether a service may use this database, while it is copied and after
//! that.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::migrations::{self, MigrationError};
use crate::db::schema::copy_marks;
use crate::db::{DbError, OpenError};
use crate::domain::Timestamp;

/// The number of the one row.
const ROW: i64 = 1;

/// The table, which an older schema does not have.
pub(in crate::db) const TABLE: &str = "copy_marks";

/// The role of this database in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) enum CopyState {
    /// It is the source of an online copy, and is in charge.
    Copying,
    /// It was the source of an online copy, and refuses every change.
    Moved,
    /// It is the target, and does not have all rows yet.
    Unfinished,
    /// It is the target and has all rows. It is in charge once the source is `Moved`.
    Complete,
}

impl CopyState {
    fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Moved => "moved",
            Self::Unfinished => "unfinished",
            Self::Complete => "complete",
        }
    }

    /// A state that this program does not know is that of a database which it must not use.
    fn named(name: &str) -> Self {
        let all = [Self::Copying, Self::Moved, Self::Complete];
        all.into_iter()
            .find(|state| state.name() == name)
            .unwrap_or(Self::Unfinished)
    }
}

/// The mark of a database that is, or was, the source or the target of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::db) struct CopyMark {
    /// A random text, the same in the source and the target.
    pub(in crate::db) copy_id: String,
    /// The role of this database.
    pub(in crate::db) state: CopyState,
    /// The URL of the other database, without a password.
    pub(in crate::db) other_url: String,
}

/// The mark, if there is one. It only reads, and an older schema has none.
pub(in crate::db) fn read(conn: &mut AnyConnection) -> QueryResult<Option<CopyMark>> {
    if !migrations::has_table(conn, TABLE)? {
        return Ok(None);
    }
    let row: Option<(String, String, String)> = copy_marks::table
        .filter(copy_marks::id.eq(ROW))
        .select((
            copy_marks::copy_id,
            copy_marks::state,
            copy_marks::other_url,
        ))
        .get_result(conn)
        .optional()?;
    Ok(row.map(|(copy_id, state, other_url)| CopyMark {
        copy_id,
        state: CopyState::named(&state),
        other_url,
    }))
}

/// Refuses a database that is not in charge: the start of a service, and commands.
pub(in crate::db) fn admit(conn: &mut AnyConnection) -> Result<(), OpenError> {
    let mark = read(conn).map_err(|error| MigrationError::from(error).explain())?;
    match mark.map(|mark| (mark.state, mark.other_url)) {
        None | Some((CopyState::Copying, _)) => Ok(()),
        Some((CopyState::Moved, target_url)) => Err(OpenError::Moved { target_url }),
        Some((CopyState::Unfinished | CopyState::Complete, source_url)) => {
            Err(OpenError::UnfinishedCopy { source_url })
        }
    }
}

/// Writes the mark, in place of one that is there.
pub(in crate::db) fn write(
    conn: &mut AnyConnection,
    mark: &CopyMark,
    now: Timestamp,
) -> Result<(), DbError> {
    Statement::<()>::new(
        "INSERT INTO copy_marks (id, copy_id, state, other_url, marked_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET copy_id = $2, state = $3, \
         other_url = $4, marked_at = $5",
        [
            Value::number(ROW),
            Value::text(&mark.copy_id),
            Value::text(mark.state.name()),
            Value::text(&mark.other_url),
            Value::number(now.seconds()),
        ],
    )
    .run(conn)?;
    Ok(())
}

/// Removes the mark.
pub(in crate::db) fn remove(conn: &mut AnyConnection) -> Result<(), DbError> {
    diesel::delete(copy_marks::table.filter(copy_marks::id.eq(ROW))).execute(conn)?;
    Ok(())
}
