//! Opens the source and the target of a copy, and refuses those that a service uses.

use std::path;
use std::thread;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::CopyError;
use super::catalog::{self, Table};
use crate::db::connection::sqlite::{self as sqlite_connection, Location, Role};
use crate::db::connection::transactions::in_transaction;
use crate::db::connection::{AnyConnection, postgres as postgres_connection};
use crate::db::migrations::{self, SchemaStatus};
use crate::db::postgres::lock_migrations;
use crate::db::sqlite::create_file;
use crate::db::tables::copy_marks::{self, CopyMark, CopyState};
use crate::db::{DB, DbSettings, InstanceLock, OpenError, OpenMode};
use crate::domain::{DatabaseUrl, Timestamp};

/// The time limits of a service do not hold for a copy.
const NO_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0";

/// The URL with the absolute path, without a password.
pub(super) fn name(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let path = path::absolute(path);
            path.map_or_else(|_| url.clone(), DatabaseUrl::Sqlite)
        }
        DatabaseUrl::Postgres(_) => url.clone(),
    }
    .to_string()
}

/// Takes the lock that keeps a service from starting. PostgreSQL has none.
pub(super) fn lock(url: &DatabaseUrl, open: OpenMode) -> Result<Option<InstanceLock>, CopyError> {
    match InstanceLock::acquire(url, open) {
        Err(OpenError::InUse { .. }) => Err(CopyError::InUse(url.to_string())),
        outcome => Ok(outcome?),
    }
}

/// Opens the source, whose schema has to be current, in one snapshot.
pub(super) fn open_source(
    url: &DatabaseUrl,
    settings: &DbSettings,
) -> Result<AnyConnection, CopyError> {
    open(url, settings, OpenMode::Check)?;
    let mut source = connect(url, settings, Role::Reader)?;
    refuse_running(&mut source, url)?;
    match &mut source {
        AnyConnection::Sqlite(conn) => conn.batch_execute("BEGIN")?,
        AnyConnection::Postgres(conn) => {
            conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            conn.batch_execute(NO_LIMITS)?;
        }
    }
    Ok(source)
}

/// Opens the source of an online copy for changes. It waits for its turn among the writers.
pub(super) fn open_writer(
    url: &DatabaseUrl,
    settings: &DbSettings,
) -> Result<AnyConnection, CopyError> {
    open(url, settings, OpenMode::Check)?;
    let mut writer = connect(url, settings, Role::Writer)?;
    if let AnyConnection::Sqlite(conn) = &mut writer {
        sqlite_connection::wait_at_most(conn, Duration::from_secs(30))?;
    }
    Ok(writer)
}

/// Opens the target, creates its schema, and marks it as unfinished. The rows that a copy left
/// which was interrupted are removed. `previous` is the last copy of the source: only the source
/// itself knows that a complete copy of it is not in charge.
pub(super) fn open_target(
    url: &DatabaseUrl,
    settings: &DbSettings,
    tables: &[Table],
    mark: &CopyMark,
    previous: Option<&str>,
) -> Result<AnyConnection, CopyError> {
    create_marked(url, settings, mark)?;
    match open(url, settings, OpenMode::Migrate) {
        Err(error @ OpenError::UnfinishedCopy { .. }) => {
            let mut target = connect(url, settings, Role::Writer)?;
            let left = copy_marks::read(&mut target)?;
            if left.as_ref().is_some_and(|left| {
                left.state == CopyState::Complete && Some(left.copy_id.as_str()) != previous
            }) {
                return Err(error.into());
            }
            let is_created = left.is_some_and(|left| left.copy_id == mark.copy_id);
            if let Err(error) = refuse_running(&mut target, url) {
                if is_created {
                    copy_marks::remove(&mut target)?;
                }
                return Err(error);
            }
            clear(&mut target, tables, mark, settings.clock.now())?;
        }
        outcome => outcome?,
    }
    let mut target = connect(url, settings, Role::Writer)?;
    refuse_running(&mut target, url)?;
    for table in tables {
        if catalog::has_rows(&mut target, table)? {
            return Err(CopyError::Occupied {
                url: url.to_string(),
                table: table.name.clone(),
            });
        }
    }
    in_transaction(&mut target, |target| {
        copy_marks::write(target, mark, settings.clock.now())
    })?;
    // A service that was starting has a connection by now; one that starts later is refused.
    if let Err(error) = refuse_running(&mut target, url) {
        copy_marks::remove(&mut target)?;
        return Err(error);
    }
    Ok(target)
}

/// Creates the schema of a database without tables together with the mark, in one transaction: a
/// target that a killed copy leaves is not usable as an empty database.
fn create_marked(
    url: &DatabaseUrl,
    settings: &DbSettings,
    mark: &CopyMark,
) -> Result<(), CopyError> {
    match open(url, settings, OpenMode::Check) {
        Err(OpenError::NotFound(path)) => create_file(&path)?,
        Err(OpenError::OldSchema { .. }) => {}
        // `open_target` reports it, or uses the database.
        Ok(()) | Err(_) => return Ok(()),
    }
    let mut target = connect(url, settings, Role::Writer)?;
    in_transaction(&mut target, |target| {
        if let AnyConnection::Postgres(_) = target {
            lock_migrations(target)?;
        }
        if !migrations::has_table(target, migrations::TABLE)? {
            migrations::apply(target)?;
            copy_marks::write(target, mark, settings.clock.now())?;
        }
        Ok(())
    })
}

/// Removes the time limits of a service from the transaction.
pub(super) fn remove_limits(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgres(conn) => conn.batch_execute(NO_LIMITS),
    }
}

/// Empties a target whose copy was interrupted, brings its schema up to date, and marks it for this copy, in
/// one transaction: at no moment is it an empty database that may be used.
fn clear(
    target: &mut AnyConnection,
    tables: &[Table],
    mark: &CopyMark,
    now: Timestamp,
) -> Result<(), CopyError> {
    in_transaction(target, |target| {
        if let AnyConnection::Postgres(_) = target {
            lock_migrations(target)?;
        }
        remove_limits(target)?;
        if let SchemaStatus::Newer(version) = migrations::standing(target)? {
            return Err(OpenError::NewerSchema { version }.into());
        }
        migrations::apply(target)?;
        let names: Vec<String> = tables
            .iter()
            .rev()
            .map(|table| format!("\"{}\"", table.name))
            .collect();
        match target {
            AnyConnection::Sqlite(conn) => {
                for name in names {
                    conn.batch_execute(&format!("DELETE FROM {name}"))?;
                }
            }
            AnyConnection::Postgres(conn) => {
                conn.batch_execute(&format!("TRUNCATE {}", names.join(", ")))?;
            }
        }
        Ok(copy_marks::write(target, mark, now)?)
    })
}

fn open(url: &DatabaseUrl, settings: &DbSettings, open: OpenMode) -> Result<(), OpenError> {
    let settings = DbSettings {
        open,
        ..settings.clone()
    };
    DB::open(url, settings).map(drop)
}

pub(super) fn connect(
    url: &DatabaseUrl,
    settings: &DbSettings,
    role: Role,
) -> Result<AnyConnection, ConnectionError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            sqlite_connection::connect(&Location::new(path.clone(), settings), role)
        }
        DatabaseUrl::Postgres(url) => postgres_connection::connect(
            &postgres_connection::Location::new(url, settings.database.database_pooler),
        ),
    }
}

/// Refuses a PostgreSQL database to which another connection of a service is open.
pub(super) fn refuse_running(conn: &mut AnyConnection, url: &DatabaseUrl) -> Result<(), CopyError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        others: i64,
    }
    if let AnyConnection::Postgres(conn) = conn {
        // The server may still count connections that this process has just closed, and a service
        // that is refused at its start has one for a moment.
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
