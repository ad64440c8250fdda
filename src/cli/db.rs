//! `bienvenue db`: commands on the database as a whole.

use clap::Subcommand;

use super::CliError;
use super::output::print;
use crate::config::Config;
use crate::db::{IntegrityReport, OpenMode};
use crate::server::{self, ServerError};

/// The commands on the database.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the database, import one of the reference service, or bring the schema up to date
    #[command(after_help = "Example: bienvenue db migrate --database-url sqlite://bienvenue.db")]
    Migrate,
    /// Check the whole database for damage, also while the service runs
    #[command(
        after_help = "Example: bienvenue db check\n\nExit codes: 0 if there is no damage, 1 if \
                      there is damage, which is printed, 78 if the database cannot be opened"
    )]
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
            "{url}: the server answers and its schema is current. To check its files, use \
             PostgreSQL's own tools: pg_amcheck, or pg_checksums while the server is stopped\n"
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
