//! Copies a whole database into an empty one, of the same or the other engine.
//!
//! Everything is written in one transaction and compared before the commit, so that the target is
//! either empty or complete.

mod catalog;
mod charge;
mod databases;
mod online;
mod recording;
mod rows;
mod sequences;

use std::time::Duration;

use diesel::ConnectionError;
use uuid::Uuid;

use super::connection::AnyConnection;
use super::connection::transactions::in_transaction;
use super::migrations::MigrationError;
use super::tables::copy_marks::{self, CopyMark, CopyState};
use super::{DbError, DbSettings, OpenError, OpenMode, Unavailable};
use crate::domain::DatabaseUrl;
use catalog::Table;
use rows::Checksum;

pub use charge::moved_to;
pub(super) use charge::take_charge;
pub use online::{OnlineSummary, copy_online};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopySummary {
    /// The number of tables.
    pub tables: usize,
    /// The number of rows of all tables.
    pub rows: u64,
    /// The number of users.
    pub users: u64,
}

/// Why a database was not copied. The target is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Both are the same.
    #[error("source and target are the same database")]
    SameDatabase,
    /// A service runs on one of them.
    #[error("a running service uses {0}: stop it first")]
    InUse(String),
    /// The target has rows.
    #[error("the target {url} is not empty: its table {table} has rows. Give an empty database")]
    Occupied {
        /// The target.
        url: String,
        /// A table with rows.
        table: String,
    },
    /// A connection failed.
    #[error("cannot connect: {0}")]
    Connection(#[from] ConnectionError),
    /// A statement failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An online copy between other engines.
    #[error(
        "--online copies a SQLite database to PostgreSQL only: stop the service, and copy without it"
    )]
    OnlineEngines,
    /// The service makes changes faster than they are copied.
    #[error(
        "the service makes changes faster than they can be copied: run it again at a quieter \
         time, or stop the service and copy without --online. The service was not moved"
    )]
    TooManyChanges,
    /// The schema of the source was changed during an online copy.
    #[error(
        "the schema of the source was changed meanwhile: run it again. The service was not moved"
    )]
    SchemaChanged,
    /// Writers would have had to wait for too long.
    #[error(
        "the last changes took {0:?}, for which no writer should wait: run it again at a quieter \
         time. The service was not moved"
    )]
    HeldTooLong(Duration),
    /// A row cannot be read.
    #[error("a row cannot be read: {0}")]
    Row(#[from] serde_json::Error),
    /// The rows of the target differ from those of the source.
    #[error("after the copy, the rows of the table {0} differ: nothing was kept")]
    Differs(String),
}

impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<MigrationError> for CopyError {
    fn from(error: MigrationError) -> Self {
        error.explain().into()
    }
}

impl From<Unavailable> for CopyError {
    fn from(error: Unavailable) -> Self {
        DbError::from(error).into()
    }
}

/// Copies all tables of a database into an empty one, and creates its schema. `progress` gets the
/// number of rows after each page. Blocks until all is copied and compared.
///
/// # Errors
/// [`CopyError`] with the reason. Then the target has no rows.
pub fn copy_database(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    settings: &DbSettings,
    mut progress: impl FnMut(usize),
) -> Result<CopySummary, CopyError> {
    if from.to_string() == to.to_string() {
        return Err(CopyError::SameDatabase);
    }
    // The locks keep a service from starting on a SQLite file, the mark from starting on the target.
    let _locks = [
        databases::lock(from, OpenMode::Check)?,
        databases::lock(to, OpenMode::Migrate)?,
    ];
    let tables = catalog::tables()?;
    let mut source = databases::open_source(from, settings)?;
    let mark = CopyMark {
        copy_id: Uuid::new_v4().to_string(),
        state: CopyState::Unfinished,
        other_url: databases::name(from),
    };
    let mut target = databases::open_target(to, settings, &tables, &mark, None)?;
    let copied = in_transaction(&mut target, |target| {
        databases::remove_limits(target)?;
        let summary = copy_tables(&mut source, target, &tables, &mut progress)?;
        // What a service wrote meanwhile is not in the snapshot.
        databases::refuse_running(&mut source, from)?;
        databases::refuse_running(target, to)?;
        copy_marks::remove(target)?;
        Ok(summary)
    });
    if copied.is_err() {
        // The target is as empty as it was before.
        in_transaction(&mut target, copy_marks::remove).or_else(|error| {
            log::debug!("the mark of the target stays: {error}");
            Ok::<_, CopyError>(())
        })?;
    }
    copied
}

fn copy_tables(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &[Table],
    progress: &mut impl FnMut(usize),
) -> Result<CopySummary, CopyError> {
    let mut summary = CopySummary {
        tables: tables.len(),
        rows: 0,
        users: 0,
    };
    for table in tables {
        let copied = copy_table(source, target, table, progress)?;
        summary.rows += copied.rows;
        if table.name == "users" {
            summary.users = copied.rows;
        }
    }
    Ok(summary)
}

fn copy_table(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    table: &Table,
    progress: &mut impl FnMut(usize),
) -> Result<Checksum, CopyError> {
    let (mut copied, mut found) = (Checksum::default(), Checksum::default());
    rows::each_page(source, table, |page| {
        for row in &page {
            copied.add(row);
        }
        rows::insert(target, table, &page)?;
        progress(page.len());
        Ok(())
    })?;
    if table.counts_ids {
        let last = sequences::last_id(source, table)?;
        sequences::set_last_id(target, table, last)?;
    }
    rows::each_page(target, table, |page| {
        for row in &page {
            found.add(row);
        }
        Ok(())
    })?;
    let counted = [
        catalog::count(source, table)?,
        catalog::count(target, table)?,
    ];
    let agree = counted
        .iter()
        .all(|count| u64::try_from(*count) == Ok(copied.rows));
    if found == copied && agree {
        Ok(copied)
    } else {
        Err(CopyError::Differs(table.name.clone()))
    }
}
