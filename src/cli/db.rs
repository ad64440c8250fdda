use clap::Subcommand;

use super::CliError;
use super::output::print;
use crate::config::Config;
use crate::db::{IntegrityReport, OpenMode};
use crate::server::{self, ServerError};

/// What can be done to the database.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the database, adopt one of the document's service, or bring the schema up to date
    Migrate,
    /// Look for damage in the whole database, beside a service that runs on it; exit code 1 if
    /// there is any
    Check,
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                server::open_for_command(config, OpenMode::Migrate).map_err(ServerError::from)?;
                Ok(())
            }
            Self::Check => check(config),
        }
    }
}

fn check(config: &Config) -> Result<(), CliError> {
    let url = &config.database.database_url;
    match server::check_database(config).map_err(ServerError::from)? {
        IntegrityReport::Clean => print(&format!("{url}: no damage found\n")),
        IntegrityReport::ServerReachable => print(&format!(
            "{url}: the server answers and has the schema of this program. Its files are checked \
             by PostgreSQL's own tools: pg_amcheck, and pg_checksums while it is stopped\n"
        )),
        IntegrityReport::Damaged(findings) => {
            print(&format!("{}\n", findings.join("\n")));
            return Err(CliError::DatabaseDamaged {
                url: url.to_string(),
            });
        }
    }
    Ok(())
}
