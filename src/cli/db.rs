//! `bienvenue db`: commands on the database as a whole.

use std::fs;

use clap::Subcommand;
use serde::Serialize;

use super::db_copy::Copy;
use super::output::{Progress, print, print_json};
use super::{CliError, database};
use crate::config::Config;
use crate::db::{InstanceLock, IntegrityReport, OpenError, OpenMode};
use crate::domain::DatabaseUrl;
use crate::server::{self, ServerError};

/// The commands on the database.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the database, import one of the reference service, or bring the schema up to date
    #[command(after_help = "Example: bienvenue db migrate --database-url sqlite://bienvenue.db")]
    Migrate,
    /// Show the database: URL, schema, size, and whether a service uses it
    #[command(after_help = "Example: bienvenue db status --json")]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the database into an empty one, of the same or the other engine, while no service
    /// runs; or with --online
    #[command(
        after_help = "Example: bienvenue db copy --to postgres://bienvenue@localhost/bienvenue\n\n\
                      The target has to be empty. After an interruption, run it again. With \
                      --online the service runs on, and changes to the target at the end."
    )]
    Copy(Copy),
    /// Check the whole database for damage, also while the service runs
    #[command(
        after_help = "Example: bienvenue db check\n\nExit codes: 0 if there is no damage, 1 if \
                      there is damage, which is printed, 78 if the database cannot be opened"
    )]
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                let progress = Progress::running("migrating the database");
                server::migrate(config, || drop(progress)).map_err(ServerError::from)?;
                Ok(())
            }
            Self::Status { json } => status(config, *json),
            Self::Copy(copy) => copy.run(config),
            Self::Check { json } => check(config, *json),
        }
    }
}

/// The database as JSON.
#[derive(Serialize)]
struct ShownStatus {
    database: String,
    engine: &'static str,
    schema: &'static str,
    /// None on PostgreSQL, where several services may use it.
    in_use: Option<bool>,
    bytes: Option<u64>,
}

fn status(config: &Config, json: bool) -> Result<(), CliError> {
    let url = &config.database.database_url;
    let schema = match server::open_for_command(config, OpenMode::Check) {
        Ok(_) => "current",
        Err(OpenError::OldSchema { .. }) => "older than this program",
        Err(OpenError::NewerSchema { .. }) => "newer than this program",
        Err(OpenError::LegacyDatabase(_)) => "of the reference service",
        Err(error) => return Err(ServerError::from(error).into()),
    };
    let (engine, in_use, bytes) = match url {
        DatabaseUrl::Sqlite(file) => {
            let is_free = InstanceLock::is_free(url).map_err(ServerError::from)?;
            let bytes = fs::metadata(file).ok().map(|file| file.len());
            ("sqlite", Some(!is_free), bytes)
        }
        DatabaseUrl::Postgres(_) => ("postgresql", None, None),
    };
    let status = ShownStatus {
        database: database::name(config),
        engine,
        schema,
        in_use,
        bytes,
    };
    if json {
        print_json(&status);
        return Ok(());
    }
    let in_use = in_use.map(|in_use| if in_use { "yes" } else { "no" });
    let rows = [
        ("database", status.database),
        ("schema", schema.to_owned()),
        ("in use", in_use.unwrap_or("unknown").to_owned()),
        (
            "bytes",
            bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string()),
        ),
    ];
    print(
        &rows
            .map(|(name, value)| format!("{name:<10}{value}\n"))
            .concat(),
    );
    Ok(())
}

/// The result of a check as JSON.
#[derive(Serialize)]
struct ShownCheck {
    database: String,
    /// None on PostgreSQL, whose files are not checked.
    intact: Option<bool>,
    findings: Vec<String>,
}

fn check(config: &Config, json: bool) -> Result<(), CliError> {
    let url = &config.database.database_url;
    let progress = Progress::running("checking every page, index entry and reference");
    let report = server::check_database(config).map_err(ServerError::from)?;
    drop(progress);
    if json {
        let (intact, findings) = match &report {
            IntegrityReport::Clean => (Some(true), Vec::new()),
            IntegrityReport::ServerReachable => (None, Vec::new()),
            IntegrityReport::Damaged(findings) => (Some(false), findings.clone()),
        };
        print_json(&ShownCheck {
            database: database::name(config),
            intact,
            findings,
        });
    }
    match report {
        IntegrityReport::Clean | IntegrityReport::ServerReachable if json => {}
        IntegrityReport::Clean => print(&format!("{url}: no damage found\n")),
        IntegrityReport::ServerReachable => print(&format!(
            "{url}: the server answers and its schema is current. To check its files, use \
             PostgreSQL's own tools: pg_amcheck, or pg_checksums while the server is stopped\n"
        )),
        IntegrityReport::Damaged(findings) => {
            if !json {
                print(&format!("{}\n", findings.join("\n")));
            }
            return Err(CliError::DatabaseDamaged {
                url: url.to_string(),
            });
        }
    }
    Ok(())
}
