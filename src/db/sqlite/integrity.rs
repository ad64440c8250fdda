//! Two checks of a file: in small steps beside a service, and all at once for an operator.
//!
//! A walk reads every table and index by its key, some hundred entries at a time, and holds no
//! snapshot between two steps: one that lasted would keep the write-ahead log from being
//! checkpointed. `PRAGMA integrity_check` also finds what concerns no row, see [`IntegrityWalk`].

use std::path::Path;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::steps::Position;
use super::trees::{self, Tree};
use super::{Location, connect, prepare};
use crate::db::connection::AnyConnection;
use crate::db::connection::manager::Role;
use crate::db::error::is_damage;
use crate::db::{DbError, DbSettings, OpenError, Unavailable};

/// Entries that one step checks: a few milliseconds of work.
const STEP: u32 = 500;

/// Findings that are listed.
const FINDINGS: u32 = 100;

/// A check of a whole file in small steps.
///
/// It finds rows and index entries that are missing, out of order, unreadable or of a wrong type.
/// It does not find what only `PRAGMA integrity_check` sees: damage to free pages, space inside
/// of a page that is lost, pages that belong to nothing, and CHECK constraints.
pub struct IntegrityWalk {
    conn: SqliteConnection,
    trees: std::vec::IntoIter<Tree>,
    current: Option<(Tree, Position)>,
    /// Entries of the current tree that were read.
    entries: u64,
    /// Entries of the last table.
    rows: u64,
    begun: Instant,
}

/// What a step of a walk did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many entries are in order.
    Rows(u64),
    /// All of the file is in order.
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
        // Of no entries, SQLite makes a key of NULLs.
        let last = row.last.filter(|_| entries > 0);
        let has_more = position.advance(last.as_deref(), entries == u64::from(STEP));
        // Writers can move entries of an index ahead of the walk for ever: the time of a
        // session's last use, for example. Those are read twice, and then no more.
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

/// A connection that only reads, beside those of the pools.
pub(super) fn reader(location: &Location) -> Result<SqliteConnection, DbError> {
    match connect(location, Role::Reader) {
        Ok(AnyConnection::Sqlite(mut conn)) => {
            // A check reads everything once: a large cache would only take memory.
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

/// Runs SQLite's own check of a whole file and of its foreign keys, and lists what it finds. One
/// read transaction: writers go on, and the write-ahead log grows with what they write.
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
        match prepare::texts(&mut conn, &sql) {
            Ok(rows) => findings.extend(rows.into_iter().filter(|row| row != "ok")),
            Err(error) if is_damage(&error) => findings.push(error.to_string()),
            Err(error) => return Err(prepare::explain(path, error)),
        }
    }
    Ok(findings)
}
