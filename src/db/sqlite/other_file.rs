//! A SQLite file beside the one that is served.

use std::path::Path;

use super::Location;
use super::prepare::texts;
use crate::db::DbSettings;

/// How many users a SQLite file has; none if there is no such file, or it is something else.
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
