//! The complete integrity check of `bienvenue db check`.

use crate::db::{DbSettings, OpenError, OpenMode, postgres, sqlite};
use crate::domain::DatabaseUrl;

/// The result of a complete check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrityReport {
    /// No damage.
    Clean,
    /// The findings, one line each.
    Damaged(Vec<String>),
    /// A PostgreSQL server answers and has the schema of this program. Its own tools check its
    /// files.
    ServerReachable,
}

/// Checks every page, row, index entry and foreign key of a SQLite file with any schema. A
/// service may use the file meanwhile. Blocks until the whole file is read.
///
/// # Errors
/// [`OpenError`] if the database cannot be opened, or if the schema on PostgreSQL is not current.
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
