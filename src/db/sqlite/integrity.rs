//! Two integrity checks of a file: in small steps while the service runs, and complete for an
//! operator.
//!
//! The first, [`IntegrityWalk`], reads every table and index by its key, some hundred entries at
//! a time. It holds no snapshot between two steps, because a long one would keep the write-ahead
//! log from being checkpointed. The second, `PRAGMA integrity_check`, also finds other damage.

use std::path::Path;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::prepare;
use super::steps::Position;
use super::texts::texts;
use super::trees::{self, Tree};
use crate::db::connection::AnyConnection;
use crate::db::connection::sqlite::{Location, Role, connect};
use crate::db::error::is_damage;
use crate::db::{DbError, DbSettings, OpenError, Unavailable};

/// Entries that one step checks: a few milliseconds of work.
const STEP: u32 = 500;

/// The largest number of findings that are listed.
const FINDINGS: u32 = 100;

/// A check of a whole file in small steps.
///
/// It finds rows and index entries that are missing, out of order, unreadable or of a wrong type.
/// Only `PRAGMA integrity_check` finds damaged free pages, lost space in pages, unused pages, and
/// violated CHECK constraints.
pub struct IntegrityWalk {
    conn: SqliteConnection,
    trees: std::vec::IntoIter<Tree>,
    current: Option<(Tree, Position)>,
    /// The number of entries read in the current tree.
    entries: u64,
    /// The number of entries of the last table.
    rows: u64,
    begun: Instant,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This many entries were checked and are intact.
    Rows(u64),
    /// The whole file was checked and is intact.
    Done,
}

#[derive(QueryableByName)]
struct StepRow {
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = Nullable<Text>)]
    last: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    findings: Option<String>,
}

impl IntegrityWalk {
    pub(in crate::db) fn begin(location: &Location) -> Result<Self, DbError> {
        let mut conn = reader(location)?;
        let trees = trees::read(&mut conn)?;
        let mut walk = Self {
            conn,
            trees: trees.into_iter(),
            current: None,
            entries: 0,
            rows: 0,
            begun: Instant::now(),
        };
        walk.next_tree();
        Ok(walk)
    }

    fn next_tree(&mut self) {
        if self
            .current
            .as_ref()
            .is_some_and(|(tree, _)| tree.is_table())
        {
            self.rows = self.entries;
        }
        self.entries = 0;
        self.current = self.trees.next().map(|tree| {
            let position = Position::start(&tree);
            (tree, position)
        });
    }

    pub(in crate::db) fn begun(&self) -> Instant {
        self.begun
    }

    /// The table or index that the next step reads.
    pub(in crate::db) fn checking(&self) -> Option<String> {
        self.current.as_ref().map(|(tree, _)| tree.name.clone())
    }

    pub(in crate::db) fn step(&mut self) -> Result<Step, DbError> {
        let Some((tree, position)) = &mut self.current else {
            return Ok(Step::Done);
        };
        let row: StepRow = diesel::sql_query(tree.step(position, STEP))
            .get_result(&mut self.conn)
            .map_err(|error| match DbError::from(error) {
                DbError::Unavailable(Unavailable::Damaged(cause)) => {
                    Unavailable::Damaged(format!("{}: {cause}", tree.name)).into()
                }
                error @ (DbError::NoResultFound
                | DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_)) => error,
            })?;
        if let Some(findings) = row.findings {
            return Err(Unavailable::Damaged(findings).into());
        }
        let entries = u64::try_from(row.entries).unwrap_or(0);
        self.entries += entries;
        // For no entries, SQLite returns a key of NULLs.
        let last = row.last.filter(|_| entries > 0);
        let has_more = position.advance(last.as_deref(), entries == u64::from(STEP));
        // Writers can move index entries ahead of the walk forever: for example, by the time of
        // a session's last use. The bound ends that.
        let bound = 2 * self.rows + u64::from(STEP);
        if !has_more || (!tree.is_table() && self.entries > bound) {
            self.next_tree();
        }
        Ok(Step::Rows(entries))
    }
}

impl std::fmt::Debug for IntegrityWalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntegrityWalk").finish_non_exhaustive()
    }
}

/// A read-only connection outside the pools.
pub(super) fn reader(location: &Location) -> Result<SqliteConnection, DbError> {
    match connect(location, Role::Reader) {
        Ok(AnyConnection::Sqlite(mut conn)) => {
            // A check reads each page once: a large cache would only use memory.
            conn.batch_execute("PRAGMA cache_size=-2000")?;
            Ok(conn)
        }
        Ok(AnyConnection::Postgres(_)) => Err(Unavailable::Schema.into()),
        Err(ConnectionError::CouldntSetupConfiguration(error)) => Err(error.into()),
        Err(error) => {
            let text = Box::new(error.to_string());
            Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, text).into())
        }
    }
}

/// Runs SQLite's own checks of the whole file and of its foreign keys, and returns the findings.
/// They run in read transactions: writers continue, and the write-ahead log grows meanwhile.
pub(in crate::db) fn check(path: &Path, settings: &DbSettings) -> Result<Vec<String>, OpenError> {
    let location = prepare::existing(path, settings)?;
    let mut conn = prepare::plain(&location)?;
    let mut findings = Vec::new();
    for sql in [
        format!("SELECT integrity_check AS value FROM pragma_integrity_check LIMIT {FINDINGS}"),
        format!(
            "SELECT 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' refers to a missing row of '
               || parent AS value FROM pragma_foreign_key_check LIMIT {FINDINGS}"
        ),
    ] {
        match texts(&mut conn, &sql) {
            Ok(rows) => findings.extend(rows.into_iter().filter(|row| row != "ok")),
            Err(error) if is_damage(&error) => findings.push(error.to_string()),
            Err(error) => return Err(prepare::explain(path, error)),
        }
    }
    Ok(findings)
}
