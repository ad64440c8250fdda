//! Opens a PostgreSQL database: waits for the server, and migrates its schema.

use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::BigInt;

use super::{pooler, privileges, refusal};
use crate::db::connection::AnyConnection;
use crate::db::connection::manager::Target;
use crate::db::connection::postgres::{Location, connect};
use crate::db::connection::transactions::in_pooled_transaction;
use crate::db::migrations::{self, MigrationError, SchemaStatus};
use crate::db::tables::copy_marks;
use crate::db::{DbSettings, OpenError, OpenMode, OpenOutcome, Pooler};
use crate::domain::PostgresUrl;

/// The key of the lock under which one instance migrates: "BIENVENU" in ASCII.
const LOCK: i64 = 0x4249_454e_5645_4e55;

/// The pause between two attempts to reach the server, or to migrate.
const PAUSE: Duration = Duration::from_millis(500);

/// For how long a migration is tried again that could not lock a table.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the server and migrates its schema, as far as the open mode allows. Blocks.
pub(in crate::db) fn prepare(
    url: &PostgresUrl,
    settings: &DbSettings,
) -> Result<(Target, OpenOutcome), OpenError> {
    if !url.is_confidential() {
        log::warn!(
            "the connection to {url} is not encrypted and verified: use sslmode=verify-full (README, PostgreSQL)"
        );
    }
    let location = Location::new(url, settings.database.database_pooler);
    let mut conn = reach(&location, url, settings.server_wait)?;
    pooler::check(&mut conn, &location, url)?;
    privileges::check(&mut conn)?;
    copy_marks::admit(&mut conn)?;
    let standing = migrations::standing(&mut conn).map_err(privileges::explain)?;
    let opened = match (standing, settings.open) {
        (SchemaStatus::Current, _) => OpenOutcome::Unchanged,
        (SchemaStatus::Newer(version), _) => return Err(OpenError::NewerSchema { version }),
        (SchemaStatus::Older(missing), OpenMode::Check) => {
            return Err(OpenError::OldSchema { missing });
        }
        (SchemaStatus::Older(_), OpenMode::Migrate) => {
            migrate(&mut conn, settings.database.database_pooler)?
        }
    };
    Ok((Target::Postgres(location), opened))
}

fn reach(
    location: &Location,
    url: &PostgresUrl,
    patience: Duration,
) -> Result<AnyConnection, OpenError> {
    let deadline = Instant::now() + patience;
    let mut told = None::<Instant>;
    loop {
        let error = match connect(location) {
            Ok(conn) => return Ok(conn),
            Err(error) => error.to_string(),
        };
        // In one line, for the log.
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        if error.contains("SSL support is not compiled in") {
            return Err(OpenError::NoTls);
        }
        if let Some(error) = pooler::explain(url, location.pooler, &error) {
            return Err(error);
        }
        if let Some(remedy) = refusal::remedy(&error, url) {
            return Err(OpenError::Refused {
                url: url.to_string(),
                cause: error,
                remedy,
            });
        }
        if Instant::now() >= deadline {
            return Err(OpenError::Unreachable {
                url: url.to_string(),
                cause: error,
            });
        }
        if told.is_none_or(|told| told.elapsed() > Duration::from_secs(10)) {
            told = Some(Instant::now());
            log::warn!("waiting for {url}: {error}");
        }
        thread::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// Applies the missing migrations. A long transaction of an older instance may hold a table: the
/// migration is then rolled back and tried again, because other writers wait behind it.
fn migrate(conn: &mut AnyConnection, pooler: Pooler) -> Result<OpenOutcome, OpenError> {
    let deadline = Instant::now() + MIGRATION_PATIENCE;
    loop {
        match try_to_migrate(conn, pooler) {
            Err(error) if error.is_lock_timeout() && Instant::now() < deadline => {
                log::debug!("the migration is tried again: {error}");
                thread::sleep(PAUSE);
            }
            outcome => return outcome.map_err(privileges::explain)?,
        }
    }
}

/// Applies the missing migrations in one transaction under the lock. Another instance may have
/// applied them while this one waited for the lock.
fn try_to_migrate(
    conn: &mut AnyConnection,
    pooler: Pooler,
) -> Result<Result<OpenOutcome, OpenError>, MigrationError> {
    in_pooled_transaction(conn, pooler.into(), |conn| {
        lock_migrations(conn)?;
        Ok(match migrations::standing(conn)? {
            SchemaStatus::Current => Ok(OpenOutcome::Unchanged),
            SchemaStatus::Newer(version) => Err(OpenError::NewerSchema { version }),
            SchemaStatus::Older(_) => {
                let before = migrations::applied(conn)?.len();
                // While a migration waits for a table, all who want to write to it wait too.
                diesel::sql_query("SET LOCAL lock_timeout = '200ms'").execute(conn)?;
                migrations::apply(conn)?;
                Ok(if before == 0 {
                    OpenOutcome::Created
                } else {
                    OpenOutcome::Migrated { copy: None }
                })
            }
        })
    })
}

/// Waits until no other instance migrates. The caller holds a transaction.
pub(in crate::db) fn lock_migrations(conn: &mut AnyConnection) -> Result<(), DieselError> {
    diesel::sql_query("SET LOCAL statement_timeout = '60s'").execute(conn)?;
    diesel::sql_query("SET LOCAL lock_timeout = '60s'").execute(conn)?;
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(LOCK)
        .execute(conn)?;
    Ok(())
}
