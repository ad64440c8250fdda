//! One connection type over the engines. Alone in its module, because the derive
//! brings everything of the module above into its scope.

/// A connection to one of the engines.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    /// A SQLite file.
    Sqlite(diesel::SqliteConnection),
    /// A PostgreSQL server.
    Postgres(diesel::PgConnection),
}
