//! Counts the users in a SQLite file that the service does not use.

use std::path::Path;

use super::texts::texts;
use crate::db::DbSettings;
use crate::db::connection::sqlite::Location;

/// The number of users in a SQLite file; none if it does not exist or has no such table. Blocks.
#[must_use]
pub fn users_in_file(path: &Path) -> Option<u64> {
    if !path.is_file() {
        return None;
    }
    let mut conn = Location::new(path.to_owned(), &DbSettings::default())
        .connect_plainly()
        .ok()?;
    let counted = texts(
        &mut conn,
        "SELECT CAST(COUNT(*) AS TEXT) AS value FROM users",
    );
    counted.ok()?.first()?.parse().ok()
}
