use clap::Subcommand;

use super::CliError;
use crate::config::Config;
use crate::db::OpenMode;
use crate::server::{self, ServerError};

/// What can be done to the database.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the database, adopt one of the document's service, or bring the schema up to date
    Migrate,
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                server::open_for_command(config, OpenMode::Migrate).map_err(ServerError::from)?;
                Ok(())
            }
        }
    }
}
