//! The check of a whole database that an operator asks for.

use crate::db::{DbSettings, OpenError, OpenMode, postgres, sqlite};
use crate::domain::DatabaseUrl;

/// What a check of a whole database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrityReport {
    /// No damage.
    Clean,
    /// Damage, a line each.
    Damaged(Vec<String>),
    /// A PostgreSQL server answers and has the schema of this program. Its files are checked by
    /// its own tools.
    ServerReachable,
}

/// Checks every page, row, index entry and foreign key of a SQLite file, whatever its schema.
/// Blocks for as long as it takes to read the file. A service may run on it.
///
/// # Errors
/// [`OpenError`] if the database cannot be opened, or on PostgreSQL has another schema.
pub fn check_integrity(
    url: &DatabaseUrl,
    settings: &DbSettings,
) -> Result<IntegrityReport, OpenError> {
    let path = match url {
        DatabaseUrl::Postgres(url) => {
            let settings = DbSettings {
                open: OpenMode::Check,
                ..settings.clone()
            };
            postgres::prepare(url, &settings)?;
            return Ok(IntegrityReport::ServerReachable);
        }
        DatabaseUrl::Sqlite(path) => path,
    };
    let findings = sqlite::check_file(path, settings)?;
    Ok(if findings.is_empty() {
        IntegrityReport::Clean
    } else {
        IntegrityReport::Damaged(findings)
    })
}
