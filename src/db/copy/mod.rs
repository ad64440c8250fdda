//! Copies a whole database into an empty one, of the same or the other engine.
//!
//! Everything is written in one transaction and compared before the commit, so that the target is
//! either empty or complete.

mod catalog;
mod rows;
mod sequences;

use std::thread;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::sqlite::{self as sqlite_connection, Location, Role};
use super::connection::transactions::in_transaction;
use super::connection::{AnyConnection, postgres as postgres_connection};
use super::{DB, DbError, DbSettings, InstanceLock, OpenError, OpenMode, Unavailable};
use crate::domain::DatabaseUrl;
use catalog::Table;
use rows::Checksum;

/// The time limits of a service do not hold for a copy.
const NO_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0";

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
    // The locks keep a service from starting on either of them. PostgreSQL has none.
    let _locks = [lock(from, OpenMode::Check)?, lock(to, OpenMode::Migrate)?];
    let open = |url: &DatabaseUrl, open| {
        let settings = DbSettings {
            open,
            ..settings.clone()
        };
        DB::open(url, settings).map(drop)
    };
    open(from, OpenMode::Check)?;
    open(to, OpenMode::Migrate)?;
    let tables = catalog::tables()?;
    let mut source = connect(from, settings, Role::Reader)?;
    let mut target = connect(to, settings, Role::Writer)?;
    for (conn, url) in [(&mut source, from), (&mut target, to)] {
        refuse_running(conn, url)?;
    }
    match &mut source {
        AnyConnection::Sqlite(conn) => conn.batch_execute("BEGIN")?,
        AnyConnection::Postgres(conn) => {
            conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            conn.batch_execute(NO_LIMITS)?;
        }
    }
    in_transaction(&mut target, |target| {
        if let AnyConnection::Postgres(conn) = target {
            conn.batch_execute(NO_LIMITS)?;
        }
        for table in &tables {
            if catalog::has_rows(target, table)? {
                let table = table.name.clone();
                return Err(CopyError::Occupied {
                    url: to.to_string(),
                    table,
                });
            }
        }
        let mut summary = CopySummary {
            tables: tables.len(),
            rows: 0,
            users: 0,
        };
        for table in &tables {
            let copied = copy_table(&mut source, target, table, &mut progress)?;
            summary.rows += copied.rows;
            if table.name == "users" {
                summary.users = copied.rows;
            }
        }
        Ok(summary)
    })
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

fn lock(url: &DatabaseUrl, open: OpenMode) -> Result<Option<InstanceLock>, CopyError> {
    match InstanceLock::acquire(url, open) {
        Err(OpenError::InUse { .. }) => Err(CopyError::InUse(url.to_string())),
        outcome => Ok(outcome?),
    }
}

fn connect(
    url: &DatabaseUrl,
    settings: &DbSettings,
    role: Role,
) -> Result<AnyConnection, CopyError> {
    Ok(match url {
        DatabaseUrl::Sqlite(path) => {
            sqlite_connection::connect(&Location::new(path.clone(), settings), role)?
        }
        DatabaseUrl::Postgres(url) => {
            postgres_connection::connect(&postgres_connection::Location::new(url, settings.pooler))?
        }
    })
}

/// Refuses a PostgreSQL database to which another connection of a service is open.
fn refuse_running(conn: &mut AnyConnection, url: &DatabaseUrl) -> Result<(), CopyError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        others: i64,
    }
    if let AnyConnection::Postgres(conn) = conn {
        // The server may still count connections that this process has just closed.
        for _ in 0..20 {
            let row: Row = diesel::sql_query(
                "SELECT count(*) AS others FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                 AND datname = current_database() AND application_name = 'bienvenue'",
            )
            .get_result(conn)?;
            if row.others == 0 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        return Err(CopyError::InUse(url.to_string()));
    }
    Ok(())
}
