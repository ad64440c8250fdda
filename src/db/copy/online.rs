//! Copies a SQLite database into PostgreSQL while a service uses it, and puts the copy in charge.
//!
//! A snapshot is copied first, while triggers record the changes. Rounds of changes follow until
//! one is small. The last one is applied while the copy holds the write lock of the file. The
//! commit of the source, which then refuses all changes, is the moment of the switch: before it the
//! source is in charge, and after it the target.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use super::catalog::{self, Table};
use super::recording::{self, Change};
use super::rows::{self, Row};
use super::{CopyError, CopySummary, charge, copy_tables, databases, sequences};
use crate::db::connection::AnyConnection;
use crate::db::connection::sqlite::Role;
use crate::db::connection::transactions::in_transaction;
use crate::db::tables::copy_marks::{self, CopyMark, CopyState};
use crate::db::{DbSettings, InstanceLock};
use crate::domain::DatabaseUrl;

/// A round with at most this number of changes is followed by the last one.
const SMALL_ROUND: usize = 200;

/// After this number of rounds the copy gives up: the service writes faster than it copies.
const ROUNDS: u32 = 100;

/// How long writers may be held. They wait for 2 seconds before they fail.
const LONGEST_HOLD: Duration = Duration::from_millis(1500);

/// What was copied, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineSummary {
    /// The rows of the snapshot.
    pub snapshot: CopySummary,
    /// The number of changes that were made after the snapshot.
    pub changes: usize,
    /// How long writers were held.
    pub held: Duration,
    /// Whether the target is in charge. If not, a service still runs on the source.
    pub is_in_charge: bool,
}

/// Copies a SQLite database into PostgreSQL while a service uses it. Then the source refuses every
/// change, and a service that runs on it ends. `progress` gets the number of rows after each page.
/// Blocks until the service has ended, for at most 40 seconds.
///
/// # Errors
/// [`CopyError`] with the reason. Then the source is in charge, and the target is not used.
pub fn copy_online(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    settings: &DbSettings,
    mut progress: impl FnMut(usize),
) -> Result<OnlineSummary, CopyError> {
    let (DatabaseUrl::Sqlite(path), DatabaseUrl::Postgres(_)) = (from, to) else {
        return Err(CopyError::OnlineEngines);
    };
    let _lock = InstanceLock::acquire_for_copy(path)?;
    let tables = catalog::tables()?;
    let mut source = Source {
        writer: databases::open_writer(from, settings)?,
        reader: databases::connect(from, settings, Role::Reader)?,
    };
    let previous = copy_marks::read(&mut source.writer)?.map(|mark| mark.copy_id);
    let mark = |state, other: &DatabaseUrl, copy_id: &str| CopyMark {
        copy_id: copy_id.to_owned(),
        state,
        other_url: databases::name(other),
    };
    let copy_id = uuid::Uuid::new_v4().to_string();
    let unfinished = mark(CopyState::Unfinished, from, &copy_id);
    let mut target =
        databases::open_target(to, settings, &tables, &unfinished, previous.as_deref())?;
    let copying = mark(CopyState::Copying, to, &copy_id);
    let now = settings.clock.now();
    in_transaction(&mut source.writer, |writer| {
        recording::begin(writer, &tables)?;
        copy_marks::write(writer, &copying, now)?;
        Ok::<_, CopyError>(())
    })?;
    log::debug!("changes of the source are recorded; its snapshot is copied");
    let moved = charge::write_url(path, to).and_then(|()| {
        let mut copy = OnlineCopy {
            tables: &tables,
            source: &mut source,
            target: &mut target,
            last: 0,
            changes: 0,
        };
        let snapshot = copy.snapshot(&mut progress)?;
        log::debug!("the snapshot is copied; later changes follow");
        copy.catch_up()?;
        let marks = [
            mark(CopyState::Complete, from, &copy_id),
            mark(CopyState::Moved, to, &copy_id),
        ];
        let held = copy.switch(&marks, settings)?;
        Ok((snapshot, copy.changes, held))
    });
    match moved {
        Ok((snapshot, changes, held)) => {
            drop(source);
            Ok(OnlineSummary {
                snapshot,
                changes,
                held,
                is_in_charge: charge::wait_for_charge(to, settings)?,
            })
        }
        Err(error) => {
            charge::remove_url(path);
            let ended = in_transaction(&mut source.writer, |writer| {
                Ok::<_, CopyError>(recording::end(writer)?)
            });
            if let Err(error) = ended {
                log::debug!("the triggers of the copy stay until the next start: {error}");
            }
            Err(error)
        }
    }
}

/// The connections to the source: one holds the write lock, the other reads snapshots.
struct Source {
    writer: AnyConnection,
    reader: AnyConnection,
}

struct OnlineCopy<'a> {
    tables: &'a [Table],
    source: &'a mut Source,
    target: &'a mut AnyConnection,
    /// The last change that the target has.
    last: i64,
    changes: usize,
}

impl OnlineCopy<'_> {
    /// Copies all tables as they are at one moment.
    fn snapshot(&mut self, progress: &mut impl FnMut(usize)) -> Result<CopySummary, CopyError> {
        let (tables, reader) = (self.tables, &mut self.source.reader);
        reader.batch_execute("BEGIN")?;
        self.last = recording::last(reader)?;
        let copied = in_transaction(self.target, |target| {
            databases::remove_limits(target)?;
            copy_tables(reader, target, tables, progress)
        });
        reader.batch_execute("COMMIT")?;
        checkpoint(&mut self.source.writer)?;
        copied
    }

    /// Applies rounds of changes until one is small, and compares the numbers of rows.
    fn catch_up(&mut self) -> Result<(), CopyError> {
        for _ in 0..ROUNDS {
            let (tables, reader) = (self.tables, &mut self.source.reader);
            reader.batch_execute("BEGIN")?;
            let (changes, last) = recording::behind(reader, self.last)?;
            let applied = in_transaction(self.target, |target| {
                databases::remove_limits(target)?;
                apply(reader, target, tables, &changes)?;
                if changes.len() <= SMALL_ROUND {
                    compare_counts(reader, target, tables)?;
                }
                Ok::<_, CopyError>(())
            });
            reader.batch_execute("COMMIT")?;
            checkpoint(&mut self.source.writer)?;
            applied?;
            self.last = last;
            self.changes += changes.len();
            if changes.len() <= SMALL_ROUND {
                return Ok(());
            }
        }
        Err(CopyError::TooManyChanges)
    }

    /// Holds the writers, applies the remainder, and switches. Returns how long they were held.
    fn switch(
        &mut self,
        [complete, moved]: &[CopyMark; 2],
        settings: &DbSettings,
    ) -> Result<Duration, CopyError> {
        let (tables, target, last) = (self.tables, &mut *self.target, self.last);
        let now = settings.clock.now();
        let mut begun = Instant::now();
        let count = in_transaction(&mut self.source.writer, |writer| {
            // The lock is taken by now; the wait for it has held no writer.
            begun = Instant::now();
            log::debug!("writers are held");
            if !recording::is_whole(writer, tables)? {
                return Err(CopyError::SchemaChanged);
            }
            let (changes, _) = recording::behind(writer, last)?;
            in_transaction(target, |target| {
                apply(writer, target, tables, &changes)?;
                for table in tables.iter().filter(|table| table.counts_ids) {
                    let last = sequences::last_id(writer, table)?;
                    sequences::set_last_id(target, table, last)?;
                }
                copy_marks::write(target, complete, now)?;
                Ok::<_, CopyError>(())
            })?;
            log::debug!("the target is complete");
            recording::end(writer)?;
            copy_marks::write(writer, moved, now)?;
            recording::refuse_changes(writer, tables)?;
            if begun.elapsed() > LONGEST_HOLD {
                return Err(CopyError::HeldTooLong(begun.elapsed()));
            }
            Ok(changes.len())
        })?;
        log::debug!("the source is moved");
        self.changes += count;
        Ok(begun.elapsed())
    }
}

/// Empties the write-ahead log that has grown during a snapshot. Otherwise the next writer of the
/// service would do it, and all others would wait.
fn checkpoint(source: &mut AnyConnection) -> Result<(), CopyError> {
    Ok(source.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
}

/// Applies changes to the target in their order, and compares every row that they concern.
fn apply(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &[Table],
    changes: &[Change],
) -> Result<(), CopyError> {
    let mut touched = BTreeSet::new();
    for change in changes {
        let Some(table) = tables.get(change.table) else {
            return Err(CopyError::SchemaChanged);
        };
        match (&change.key, &change.row) {
            (None, Some(row)) => rows::insert(target, table, std::slice::from_ref(row))?,
            (Some(key), Some(row)) => rows::update(target, table, key, row)?,
            (Some(key), None) => rows::delete(target, table, key)?,
            (None, None) => {}
        }
        let after = change.row.as_ref().map(|row| key_of(table, row));
        for key in change.key.iter().cloned().chain(after) {
            touched.insert((change.table, serde_json::Value::from(key).to_string()));
        }
    }
    for (table, key) in touched {
        let Some(table) = tables.get(table) else {
            return Err(CopyError::SchemaChanged);
        };
        let key = rows::parse_image(&key)?;
        if rows::find(source, table, &key)? != rows::find(target, table, &key)? {
            return Err(CopyError::Differs(table.name.clone()));
        }
    }
    Ok(())
}

/// The key of a row.
fn key_of(table: &Table, row: &Row) -> Row {
    let key = table.key.iter();
    key.filter_map(|position| row.get(*position).cloned())
        .collect()
}

fn compare_counts(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &[Table],
) -> Result<(), CopyError> {
    for table in tables {
        if catalog::count(source, table)? != catalog::count(target, table)? {
            return Err(CopyError::Differs(table.name.clone()));
        }
    }
    Ok(())
}
