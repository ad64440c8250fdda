//! The migrations are part of the binary.

use std::collections::BTreeSet;
use std::error::Error;

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::any_connection::{AnyConnection, MultiBackend};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The table in which the migrations that were applied are written down.
pub(super) const TABLE: &str = "__diesel_schema_migrations";

/// How a schema stands to the migrations of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All are applied, and nothing else.
    Current,
    /// These are missing, the first one first.
    Older(Vec<String>),
    /// A newer program was here: it applied this one, which we do not know.
    Newer(String),
}

type Failure = Box<dyn Error + Send + Sync>;

fn embedded(conn: &AnyConnection) -> EmbeddedMigrations {
    match conn {
        AnyConnection::Sqlite(_) => SQLITE,
    }
}

/// Compares the schema with the migrations. Creates the table of migrations if need be.
pub(super) fn standing(conn: &mut AnyConnection) -> Result<Standing, Failure> {
    let source = embedded(conn);
    let known: BTreeSet<String> = MigrationSource::<MultiBackend>::migrations(&source)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied: BTreeSet<String> = conn
        .applied_migrations()?
        .iter()
        .map(MigrationVersion::to_string)
        .collect();
    if let Some(unknown) = applied.difference(&known).last() {
        return Ok(Standing::Newer(unknown.clone()));
    }
    let missing: Vec<String> = known.difference(&applied).cloned().collect();
    Ok(if missing.is_empty() {
        Standing::Current
    } else {
        Standing::Older(missing)
    })
}

/// Applies what is missing. The caller holds a transaction, so that instances which start
/// together do not both migrate and a crash leaves no half schema.
pub(super) fn apply(conn: &mut AnyConnection) -> Result<(), Failure> {
    let source = embedded(conn);
    conn.run_pending_migrations(source)?;
    Ok(())
}
