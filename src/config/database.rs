//! Settings of the database.

use clap::{Args, ValueEnum};

use crate::domain::{DatabaseUrl, Pooler};

/// The settings of the database.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The database: sqlite://PATH (sqlite://a.db is relative to the working folder,
    /// sqlite:///var/lib/a.db is absolute) or postgres://USER@HOST/DATABASE
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
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=1_048_576)
    )]
    pub database_cache: u32,

    /// Whether a start migrates an older schema or refuses it
    #[arg(
        long,
        env = "BIENVENUE_MIGRATE",
        value_name = "MODE",
        default_value = "auto"
    )]
    pub migrate: Migrate,

    /// Mode of the connection pooler in front of PostgreSQL (pool_mode of PgBouncer). The service
    /// sends it no startup parameters, and in transaction mode no prepared statements
    #[arg(
        long,
        env = "BIENVENUE_DATABASE_POOLER",
        value_name = "MODE",
        default_value = "off"
    )]
    pub database_pooler: Pooler,
}

/// Whether a start migrates an older schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    /// Create a missing database, and migrate an older schema
    Auto,
    /// Refuse to start with an older schema or a missing database
    Check,
}
