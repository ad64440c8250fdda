//! The health of the database.

pub(super) mod file;
pub(super) mod integrity;

use super::connection::AnyConnection;
use super::migrations;
use super::{DB, DbError, Unavailable, sqlite};

impl DB {
    /// Checks that the database answers, can be written, and has the schema of this program, or
    /// a newer one: a migration only adds to the tables that an older instance uses, so that it
    /// serves on beside a newer one. A start on a newer schema is refused.
    /// Blocks for a few round trips, or for 2 seconds if it does not answer.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] with the reason.
    pub fn check(&self) -> Result<(), DbError> {
        if let Some(cause) = self.file.damage() {
            return Err(Unavailable::Damaged(cause).into());
        }
        if self.storage.is_read_only() {
            return Err(Unavailable::NotWritable.into());
        }
        // After a refused write, only a successful write shows that the disk works again.
        let proof = self.storage.refuses();
        let has_schema = self.storage.during(proof, || {
            self.write(|conn| {
                if proof {
                    migrations::write_nothing_new(conn)?;
                }
                Ok(migrations::has_all(conn)?)
            })
        });
        if has_schema.inspect_err(|error| self.file.learn(error))? {
            Ok(())
        } else {
            Err(Unavailable::Schema.into())
        }
    }

    /// Drops the statistics that a manual `ANALYZE` has left in a SQLite file. Statistics of a
    /// small table would make the planner scan it after it has grown. Blocks for a lookup, and
    /// for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn drop_planner_statistics(&self) -> Result<(), DbError> {
        let there = self.read(|conn| match conn {
            AnyConnection::Sqlite(conn) => sqlite::has_statistics(conn),
            AnyConnection::Postgres(_) => Ok(false),
        })?;
        if !there {
            return Ok(());
        }
        self.write(|conn| match conn {
            AnyConnection::Sqlite(conn) => Ok(sqlite::drop_statistics(conn)?),
            AnyConnection::Postgres(_) => Ok(()),
        })
    }
}
