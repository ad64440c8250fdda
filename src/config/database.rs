//! Settings of the database.

use clap::{Args, ValueEnum};

use crate::domain::{DatabaseSettings, DatabaseUrl};

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

    /// What the connections follow.
    #[command(flatten)]
    pub connections: DatabaseSettings,

    /// Whether a start migrates an older schema or refuses it
    #[arg(
        long,
        env = "BIENVENUE_MIGRATE",
        value_name = "MODE",
        default_value = "auto"
    )]
    pub migrate: Migrate,
}

/// Whether a start migrates an older schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    /// Create a missing database, and migrate an older schema
    Auto,
    /// Refuse to start with an older schema or a missing database
    Check,
}
