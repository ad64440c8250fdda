//! The table `foreign_hashes`: the parameters of the foreign hashes in `users`.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::foreign_hashes;
use crate::db::{DB, DbError};
use crate::domain::{ForeignHash, HashedPassword};

/// The largest number of kinds that are read. A system uses a few.
const MAX: i64 = 1000;

impl DB {
    /// The parameters of the foreign hashes, each as a hash without a secret. Blocks for one
    /// lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn foreign_hash_parameters(&self) -> Result<Vec<ForeignHash>, DbError> {
        let texts: Vec<String> = self.read(|conn| {
            foreign_hashes::table
                .select(foreign_hashes::parameters)
                .order(foreign_hashes::parameters)
                .limit(MAX)
                .load(conn)
        })?;
        let parsed = texts
            .iter()
            .filter_map(|text| ForeignHash::parse(text).ok());
        Ok(parsed.collect())
    }
}

/// Stores the parameters of a hash, if it is a foreign one, within the transaction that stores it.
pub(in crate::db) fn note_parameters(
    conn: &mut AnyConnection,
    stored: &HashedPassword,
) -> QueryResult<()> {
    if let Ok(Some(hash)) = stored.foreign() {
        let parameters = hash.without_secret().to_text();
        let insert: Statement = Statement::new(
            "INSERT INTO foreign_hashes (parameters) VALUES ($1) ON CONFLICT DO NOTHING",
            [Value::text(&parameters)],
        );
        insert.run(conn)?;
    }
    Ok(())
}
