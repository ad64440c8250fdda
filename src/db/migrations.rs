//! The migrations, which are embedded in the binary.

use std::collections::BTreeSet;
use std::error::Error;

use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{AnyConnection, MultiBackend};
use super::{DbError, OpenError, Unavailable};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The table in which Diesel records the applied migrations.
pub(super) const TABLE: &str = "__diesel_schema_migrations";

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// A schema compared with the migrations of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SchemaStatus {
    /// Exactly the migrations of this program are applied.
    Current,
    /// Some migrations are missing; this is the first.
    Older(String),
    /// A newer program has applied this migration, which this program does not know.
    Newer(String),
}

/// Why the schema could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    /// The database failed.
    #[error(transparent)]
    Diesel(#[from] DieselError),
    /// The database is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A migration failed.
    #[error(transparent)]
    Migration(#[from] Box<dyn Error + Send + Sync>),
}

impl From<MigrationError> for DbError {
    fn from(change: MigrationError) -> Self {
        match change {
            MigrationError::Diesel(error) => error.into(),
            MigrationError::Unavailable(error) => error.into(),
            MigrationError::Migration(error) => Self::Failed(DieselError::QueryBuilderError(error)),
        }
    }
}

impl MigrationError {
    /// Whether a table could not be locked in time (PostgreSQL).
    pub(super) fn is_lock_timeout(&self) -> bool {
        self.to_string().contains("due to lock timeout")
    }

    pub(super) fn explain(self) -> OpenError {
        match self {
            Self::Diesel(error) => DbError::from(error).into(),
            Self::Unavailable(error) => DbError::from(error).into(),
            Self::Migration(error) => OpenError::Migration(error),
        }
    }
}

fn embedded(conn: &AnyConnection) -> EmbeddedMigrations {
    match conn {
        AnyConnection::Sqlite(_) => SQLITE,
        AnyConnection::Postgres(_) => POSTGRES,
    }
}

/// Compares the schema with the migrations. It only reads, so that a role without the right to
/// change tables can do it.
pub(super) fn standing(conn: &mut AnyConnection) -> Result<SchemaStatus, MigrationError> {
    let (known, applied) = (known(conn)?, applied(conn)?);
    let unknown = applied.difference(&known).last();
    let missing = known.difference(&applied).next();
    Ok(match (unknown, missing) {
        (Some(unknown), _) => SchemaStatus::Newer(unknown.clone()),
        (None, Some(missing)) => SchemaStatus::Older(missing.clone()),
        (None, None) => SchemaStatus::Current,
    })
}

/// Whether all migrations of this program are applied, and perhaps newer ones. It only reads.
pub(super) fn has_all(conn: &mut AnyConnection) -> Result<bool, MigrationError> {
    Ok(known(conn)?.is_subset(&applied(conn)?))
}

/// The versions of the migrations of this program.
fn known(conn: &AnyConnection) -> Result<BTreeSet<String>, MigrationError> {
    let source = embedded(conn);
    let migrations = MigrationSource::<MultiBackend>::migrations(&source)?;
    let versions = migrations.iter();
    let versions = versions.map(|migration| migration.name().version().to_string());
    Ok(versions.collect())
}

/// The versions of the applied migrations.
pub(super) fn applied(conn: &mut AnyConnection) -> QueryResult<BTreeSet<String>> {
    if !has_table(conn, TABLE)? {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<String> = __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(conn)?;
    Ok(versions.into_iter().collect())
}

/// Whether there is a table of this name.
pub(super) fn has_table(conn: &mut AnyConnection, name: &str) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        there: bool,
    }
    let sql = match conn {
        AnyConnection::Sqlite(_) => {
            format!("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '{name}') AS there")
        }
        AnyConnection::Postgres(_) => {
            // Not `to_regclass`: after a wait for a lock, its cached answer may be outdated.
            format!(
                "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class \
                 WHERE relname = '{name}' AND pg_table_is_visible(oid)) AS there"
            )
        }
    };
    let row: Row = diesel::sql_query(sql).get_result(conn)?;
    Ok(row.there)
}

/// Writes a row unchanged, to see whether the database can write.
pub(super) fn write_nothing_new(conn: &mut AnyConnection) -> QueryResult<()> {
    let version = __diesel_schema_migrations::version;
    diesel::update(__diesel_schema_migrations::table)
        .set(version.eq(version))
        .execute(conn)
        .map(drop)
}

/// Applies the missing migrations. The caller holds a transaction, so that instances that start
/// together do not migrate at once, and a crash leaves no partial schema.
pub(super) fn apply(conn: &mut AnyConnection) -> Result<(), MigrationError> {
    let source = embedded(conn);
    conn.run_pending_migrations(source)?;
    Ok(())
}
