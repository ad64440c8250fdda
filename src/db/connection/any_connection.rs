//! One connection type for both engines. It has a module of its own, because the derive imports
//! everything of its parent module.

/// A connection to one of the engines.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    /// A SQLite file.
    Sqlite(diesel::SqliteConnection),
    /// A PostgreSQL server.
    Postgres(diesel::PgConnection),
}
