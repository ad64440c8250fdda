//! Opens a SQLite file: creates it, migrates its schema, or imports a legacy file.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{ConnectionError, Error as DieselError};
use diesel::sqlite::SqliteConnection;

use super::texts::texts;
use super::{backup, drop_statistics, legacy_import};
use crate::db::connection::AnyConnection;
use crate::db::connection::manager::Target;
use crate::db::connection::sqlite::Location;
use crate::db::connection::transactions::in_transaction;
use crate::db::migrations::{self, MigrationError, SchemaStatus};
use crate::db::tables::copy_marks;
use crate::db::{DbError, DbSettings, OpenError, OpenMode, OpenOutcome};
use crate::ownership::give_to_folder_owner;

/// The content of a file: nothing, our tables, or those of the reference service.
enum Content {
    Nothing,
    Ours,
    Document,
}

/// Prepares the file for the pools, as far as the open mode allows.
pub(in crate::db) fn prepare(
    path: &Path,
    settings: &DbSettings,
) -> Result<(Target, OpenOutcome), OpenError> {
    let file = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    let path = std::path::absolute(path).map_err(file)?;
    if !path.try_exists().map_err(file)? {
        match settings.open {
            OpenMode::Check => return Err(OpenError::NotFound(path)),
            OpenMode::Migrate => create_file(&path)?,
        }
    }
    let location = Location::new(path, settings);
    let opened = bring_up_to_date(&location, settings)?;
    warn_of_readers(location.path());
    Ok((Target::Sqlite(location), opened))
}

/// The location of a file, which must exist.
pub(super) fn existing(path: &Path, settings: &DbSettings) -> Result<Location, OpenError> {
    let file = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    let path = std::path::absolute(path).map_err(file)?;
    if path.try_exists().map_err(file)? {
        Ok(Location::new(path, settings))
    } else {
        Err(OpenError::NotFound(path))
    }
}

/// Creates an empty file with mode 0600. SQLite gives the same mode to the files beside it.
///
/// # Errors
/// [`OpenError::File`] if there is one, or if it cannot be created.
pub(in crate::db) fn create_file(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).mode(0o600).open(path);
    created
        .and_then(|file| give_to_folder_owner(&file, path))
        .map_err(|source| OpenError::File {
            path: path.to_owned(),
            source,
        })
}

/// Warns if others can read the file. It never changes the mode of an existing file.
fn warn_of_readers(path: &Path) {
    let mode = fs::metadata(path).map(|file| file.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        log::warn!(
            "other users of this machine may read {}: chmod 600 it",
            path.display()
        );
    }
}

fn bring_up_to_date(location: &Location, settings: &DbSettings) -> Result<OpenOutcome, OpenError> {
    let path = location.path();
    let failed = |error| explain(path, error);
    let mut conn = plain(location)?;
    let content = content(&mut conn, path)?;
    // On a file that cannot be written, BEGIN IMMEDIATE alone would begin a read transaction.
    conn.batch_execute("BEGIN IMMEDIATE; CREATE TABLE bienvenue_writes (id INTEGER); ROLLBACK;")
        .map_err(failed)?;
    match content {
        Content::Nothing => match settings.open {
            OpenMode::Migrate => {
                migrate(&mut AnyConnection::Sqlite(conn), path).map(|()| OpenOutcome::Created)
            }
            OpenMode::Check => Err(OpenError::OldSchema {
                missing: "the whole schema".to_owned(),
            }),
        },
        Content::Ours => {
            drop_statistics(&mut conn).map_err(failed)?;
            update(conn, location, settings.open)
        }
        Content::Document => match settings.open {
            OpenMode::Migrate => import(conn, path, settings),
            OpenMode::Check => Err(OpenError::LegacyDatabase(path.to_owned())),
        },
    }
}

pub(super) fn plain(location: &Location) -> Result<SqliteConnection, OpenError> {
    let path = location.path();
    location.connect_plainly().map_err(|error| {
        if let ConnectionError::CouldntSetupConfiguration(error) = error {
            explain(path, error)
        } else {
            OpenError::File {
                path: path.to_owned(),
                source: io::Error::other(error.to_string()),
            }
        }
    })
}

fn check_health(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let findings = texts(
        conn,
        "SELECT quick_check AS value FROM pragma_quick_check LIMIT 1",
    )
    .map_err(|error| explain(path, error))?;
    match findings.as_slice() {
        [ok] if ok == "ok" => Ok(()),
        findings => Err(OpenError::Damaged {
            path: path.to_owned(),
            finding: findings.join(", "),
        }),
    }
}

fn content(conn: &mut SqliteConnection, path: &Path) -> Result<Content, OpenError> {
    let tables = texts(
        conn,
        "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .map_err(|error| explain(path, error))?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    match tables.first() {
        None => Ok(Content::Nothing),
        Some(_) if has(migrations::TABLE) => Ok(Content::Ours),
        Some(_) if has("users") => legacy_import::is_legacy_database(conn)
            .map_err(|error| explain(path, error))?
            .map_or(Ok(Content::Document), |finding| {
                Err(OpenError::NotOurs {
                    path: path.to_owned(),
                    finding,
                })
            }),
        Some(table) => Err(OpenError::NotOurs {
            path: path.to_owned(),
            finding: format!("it has a table {table} but no table users"),
        }),
    }
}

fn update(
    conn: SqliteConnection,
    location: &Location,
    mode: OpenMode,
) -> Result<OpenOutcome, OpenError> {
    let path = location.path();
    let mut conn = AnyConnection::Sqlite(conn);
    copy_marks::admit(&mut conn)?;
    match migrations::standing(&mut conn).map_err(|error| explain_change(path, error))? {
        SchemaStatus::Current => Ok(OpenOutcome::Unchanged),
        SchemaStatus::Newer(version) => Err(OpenError::NewerSchema { version }),
        SchemaStatus::Older(missing) => match mode {
            OpenMode::Check => Err(OpenError::OldSchema { missing }),
            OpenMode::Migrate => {
                let copy = backup::copy_beside(&mut plain(location)?, path, &missing)?;
                migrate(&mut conn, path).inspect_err(|_| backup::remove(&copy))?;
                Ok(OpenOutcome::Migrated { copy: Some(copy) })
            }
        },
    }
}

/// The newest migration of a database of this service, which is not newer than this program.
pub(super) fn schema_of(conn: &mut SqliteConnection, path: &Path) -> Result<String, OpenError> {
    match content(conn, path)? {
        Content::Ours => {}
        Content::Nothing => {
            return Err(OpenError::NotOurs {
                path: path.to_owned(),
                finding: "it is empty".to_owned(),
            });
        }
        Content::Document => return Err(OpenError::LegacyDatabase(path.to_owned())),
    }
    let versions = format!("SELECT max(version) AS value FROM {}", migrations::TABLE);
    let versions = texts(conn, &versions).map_err(|error| explain(path, error))?;
    Ok(versions.into_iter().next().unwrap_or_default())
}

/// Applies the missing migrations to a file that is a copy already.
pub(super) fn upgraded(conn: SqliteConnection, path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut conn = AnyConnection::Sqlite(conn);
    match migrations::standing(&mut conn).map_err(|error| explain_change(path, error))? {
        SchemaStatus::Current => {}
        SchemaStatus::Newer(version) => return Err(OpenError::NewerSchema { version }),
        SchemaStatus::Older(_) => migrate(&mut conn, path)?,
    }
    match conn {
        AnyConnection::Sqlite(conn) => Ok(conn),
        AnyConnection::Postgres(_) => Err(OpenError::NotADatabase(path.to_owned())),
    }
}

/// Applies the missing migrations in one transaction, which looks them up again: if several
/// processes start together, one migrates and the others wait.
fn migrate(conn: &mut AnyConnection, path: &Path) -> Result<(), OpenError> {
    in_transaction(conn, migrations::apply).map_err(|error| explain_change(path, error))
}

fn import(
    mut conn: SqliteConnection,
    path: &Path,
    settings: &DbSettings,
) -> Result<OpenOutcome, OpenError> {
    // The import reads the whole file in any case.
    check_health(&mut conn, path)?;
    let clashes = |duplicates| OpenError::Duplicates {
        path: path.to_owned(),
        duplicates,
    };
    let duplicates = legacy_import::duplicates(&mut conn).map_err(|error| explain(path, error))?;
    if !duplicates.is_empty() {
        return Err(clashes(duplicates));
    }
    let copy = backup::copy_beside(&mut conn, path, "adoption")?;
    vacuum_secure(&mut conn)
        .map_err(|error| explain(path, error))
        .inspect_err(|_| backup::remove(&copy))?;
    let mut conn = AnyConnection::Sqlite(conn);
    let adopted = in_transaction(&mut conn, |conn| legacy_import::import(conn, settings))
        .map_err(|error| explain_change(path, error))
        .inspect_err(|_| backup::remove(&copy))?;
    Ok(OpenOutcome::Imported {
        users: adopted.users,
        sessions: adopted.sessions,
        unknown_hashes: adopted.unknown_hashes,
        copy,
    })
}

/// Erases deleted content from the file, and makes this connection erase what it will delete.
/// Free pages may contain session ids in clear text.
fn vacuum_secure(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute("PRAGMA secure_delete=ON; VACUUM;")
}

fn explain_change(path: &Path, error: MigrationError) -> OpenError {
    match error {
        MigrationError::Diesel(error) => explain(path, error),
        MigrationError::Unavailable(_) | MigrationError::Migration(_) => error.explain(),
    }
}

/// Maps SQLite's errors to errors with a remedy for the operator.
pub(super) fn explain(path: &Path, error: DieselError) -> OpenError {
    let path: PathBuf = path.to_owned();
    let DieselError::DatabaseError(_, info) = &error else {
        return DbError::from(error).into();
    };
    let text = info.message();
    match text {
        _ if text.contains("not a database") => OpenError::NotADatabase(path),
        _ if text.contains("malformed") => OpenError::Damaged {
            path,
            finding: text.to_owned(),
        },
        _ if text.contains("readonly") || text.contains("unable to open") => {
            OpenError::ReadOnly(path)
        }
        _ if text.contains("disk") => OpenError::Disk {
            path,
            cause: text.to_owned(),
        },
        _ if text.contains("locked") => OpenError::InUse {
            path,
            cause: text.to_owned(),
        },
        _ => DbError::from(error).into(),
    }
}
