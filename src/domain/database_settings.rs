//! The settings of the database that both engines' connections follow, each once: flag, variable, default and help.

use clap::Args;

use super::Pooler;

/// SQLite's page cache, and the connection pooler in front of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct DatabaseSettings {
    /// Memory for SQLite's page cache, in MiB, shared by the connections; it fills as pages are
    /// read
    #[arg(
        long,
        env = "BIENVENUE_DATABASE_CACHE",
        value_name = "MIB",
        default_value_t = DatabaseSettings::default().database_cache,
        value_parser = clap::value_parser!(u32).range(1..=1_048_576)
    )]
    pub database_cache: u32,

    /// Pool mode of the connection pooler (PgBouncer) in front of PostgreSQL. The service
    /// sends it no startup parameters, and in transaction mode no prepared statements
    #[arg(
        long,
        env = "BIENVENUE_DATABASE_POOLER",
        value_name = "MODE",
        value_enum,
        default_value_t
    )]
    pub database_pooler: Pooler,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            database_cache: 64,
            database_pooler: Pooler::default(),
        }
    }
}
