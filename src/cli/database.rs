//! Opens the service's database for a command.

use std::path;

use clap::{Args, Subcommand};

use super::CliError;
use crate::config::Config;
use crate::db::{DB, InstanceLock, OpenMode};
use crate::domain::DatabaseUrl;
use crate::server::{self, ServerError};

/// What all commands that act on the service's database take.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Options {
    /// Act on the SQLite file even if no running service uses it
    #[arg(long, global = true)]
    offline: bool,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// A group of commands that act on the service's database.
#[derive(Debug, Args)]
pub(super) struct DatabaseCommand<C: Subcommand> {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: C,
}

/// Opens the service's database. In production mode, a SQLite file that no running service uses
/// may be the wrong one: it is refused without `--offline`. Blocks.
pub(super) fn open(config: &Config, options: Options) -> Result<DB, CliError> {
    let url = &config.database.database_url;
    let db = server::open_for_command(config, OpenMode::Check).map_err(ServerError::from)?;
    if config.is_https()
        && !options.offline
        && InstanceLock::is_free(url).map_err(ServerError::from)?
    {
        return Err(CliError::NotServed(name(config)));
    }
    Ok(db)
}

/// The database's URL for confirmations: with the absolute path, without a password.
pub(super) fn name(config: &Config) -> String {
    let url = &config.database.database_url;
    match url {
        DatabaseUrl::Sqlite(file) => match path::absolute(file) {
            Ok(file) => DatabaseUrl::sqlite(file).to_string(),
            Err(_) => url.to_string(),
        },
        DatabaseUrl::Postgres(_) => url.to_string(),
    }
}
