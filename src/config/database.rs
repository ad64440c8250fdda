//! Settings of the database.

use clap::{Args, ValueEnum};

use crate::domain::{DatabaseUrl, Pooler, defaults};

/// Where the data is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The database: sqlite://PATH, where sqlite://a.db is in the working folder and
    /// sqlite:///var/lib/a.db is absolute, or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite://bienvenue.db",
        hide_env_values = true
    )]
    pub database_url: DatabaseUrl,

    /// Memory for SQLite's page cache, in MiB, shared by the connections; it fills as pages are
    /// read
    #[arg(
        long,
        env = "BIENVENUE_DATABASE_CACHE",
        value_name = "MIB",
        default_value_t = defaults::DATABASE_CACHE,
        value_parser = clap::value_parser!(u32).range(1..=1_048_576)
    )]
    pub database_cache: u32,

    /// What a start does with an older schema: bring it up to date, or refuse it
    #[arg(
        long,
        env = "BIENVENUE_MIGRATE",
        value_name = "MODE",
        default_value = "auto"
    )]
    pub migrate: Migrate,

    /// Connection pooler in front of PostgreSQL, by its pool_mode: no startup parameters, and
    /// in mode transaction no prepared statements, are sent to it
    #[arg(
        long,
        env = "BIENVENUE_DATABASE_POOLER",
        value_name = "MODE",
        default_value = "off"
    )]
    pub database_pooler: Pooler,
}

/// What a start does with an older schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    /// Create what is not there, bring an older schema up to date
    Auto,
    /// Refuse to start on an older schema or without a database
    Check,
}
