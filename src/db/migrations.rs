//! The migrations are part of the binary.

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

/// The table in which Diesel writes down the migrations that were applied.
pub(super) const TABLE: &str = "__diesel_schema_migrations";

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// How a schema stands to the migrations of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All are applied, and nothing else.
    Current,
    /// Some are missing, this one first.
    Older(String),
    /// A newer program was here: it applied this one, which we do not know.
    Newer(String),
}

/// Why a schema was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Change {
    /// The database.
    #[error(transparent)]
    Diesel(#[from] DieselError),
    /// The database went away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A migration.
    #[error(transparent)]
    Migration(#[from] Box<dyn Error + Send + Sync>),
}

impl From<Change> for DbError {
    fn from(change: Change) -> Self {
        match change {
            Change::Diesel(error) => error.into(),
            Change::Unavailable(error) => error.into(),
            Change::Migration(error) => Self::Failed(DieselError::QueryBuilderError(error)),
        }
    }
}

impl Change {
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

/// Compares the schema with the migrations. Reads only: a role that may not change tables
/// can do it.
pub(super) fn standing(conn: &mut AnyConnection) -> Result<Standing, Change> {
    let source = embedded(conn);
    let known: BTreeSet<String> = MigrationSource::<MultiBackend>::migrations(&source)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = applied(conn)?;
    let unknown = applied.difference(&known).last();
    let missing = known.difference(&applied).next();
    Ok(match (unknown, missing) {
        (Some(unknown), _) => Standing::Newer(unknown.clone()),
        (None, Some(missing)) => Standing::Older(missing.clone()),
        (None, None) => Standing::Current,
    })
}

/// The versions that were applied.
pub(super) fn applied(conn: &mut AnyConnection) -> QueryResult<BTreeSet<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        there: bool,
    }
    let sql = match conn {
        AnyConnection::Sqlite(_) => {
            format!("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '{TABLE}') AS there")
        }
        AnyConnection::Postgres(_) => {
            // Not `to_regclass`: it may remember from before a wait for a lock that there was
            // no such table.
            format!(
                "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class \
                 WHERE relname = '{TABLE}' AND pg_table_is_visible(oid)) AS there"
            )
        }
    };
    let row: Row = diesel::sql_query(sql).get_result(conn)?;
    if !row.there {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<String> = __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(conn)?;
    Ok(versions.into_iter().collect())
}

/// Writes what is there already.
pub(super) fn write_nothing_new(conn: &mut AnyConnection) -> QueryResult<()> {
    let version = __diesel_schema_migrations::version;
    diesel::update(__diesel_schema_migrations::table)
        .set(version.eq(version))
        .execute(conn)
        .map(drop)
}

/// Applies what is missing. The caller holds a transaction, so that instances which start
/// together do not both migrate and a crash leaves no half schema.
pub(super) fn apply(conn: &mut AnyConnection) -> Result<(), Change> {
    let source = embedded(conn);
    conn.run_pending_migrations(source)?;
    Ok(())
}
