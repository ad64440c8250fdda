//! `bienvenue backup`: backups of a SQLite database, verified and restored.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{self, Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::output::{Progress, explain, print, print_json};
use super::{CliError, database};
use crate::config::Config;
use crate::db::{BackupReport, OpenMode};

use crate::domain::{Clock, DatabaseUrl};
use crate::server::{self, ServerError};

/// Names of backups in a folder: `bienvenue-20261126T040000Z.db`.
const PREFIX: &str = "bienvenue-";
const ENDING: &str = ".db";

/// The commands on backups.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Back up the database to a new file with mode 0600, while the service runs or not, and verify
    /// it. In a folder, the name has the time
    #[command(after_help = "Example: bienvenue backup create /var/backups/bienvenue --keep 14")]
    Create {
        /// New file, or existing folder
        #[arg(value_name = "FILE|FOLDER")]
        target: PathBuf,
        /// Then delete all backups in the folder but the newest NUMBER
        #[arg(long, value_name = "NUMBER")]
        keep: Option<NonZeroUsize>,
    },
    /// Check every page, index entry and reference of a backup
    #[command(
        after_help = "Example: bienvenue backup verify /var/backups/bienvenue/bienvenue-20261126T040000Z.db"
    )]
    Verify {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Restore a backup to the database of the settings, which must not exist, while the service is
    /// stopped. Sessions, tokens, pending logins, invitations and queued mails are dropped
    #[command(
        after_help = "Example: bienvenue backup restore /var/backups/bienvenue/bienvenue-20261126T040000Z.db"
    )]
    Restore {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A backup as JSON.
#[derive(Serialize)]
struct ShownBackup {
    file: String,
    bytes: u64,
    users: u64,
    schema: String,
    secret_key_file: Option<String>,
    deleted: Vec<String>,
}

impl Backup {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        match &self.command {
            Command::Create { target, keep } => self.create(target, *keep, config),
            Command::Verify { file } => {
                let progress = Progress::running("checking the backup");
                let report = server::check_backup(config, file).map_err(ServerError::from)?;
                drop(progress);
                self.show("verified", "", &report, config, &[]);
                Ok(())
            }
            Command::Restore { file } => self.restore(file, config),
        }
    }

    fn create(
        &self,
        target: &Path,
        keep: Option<NonZeroUsize>,
        config: &Config,
    ) -> Result<(), CliError> {
        let database = sqlite_file(config)?;
        let (file, folder) = if target.is_dir() {
            let time = Clock::system().now().rfc3339().replace(['-', ':'], "");
            let name = format!("{PREFIX}{time}{ENDING}");
            (target.join(name), Some(target))
        } else {
            (target.to_owned(), None)
        };
        if keep.is_some() && folder.is_none() {
            return Err(CliError::KeepWithoutFolder(target.display().to_string()));
        }
        let progress = Progress::running("writing and checking the backup");
        let report = server::back_up(config, database, &file).map_err(ServerError::from)?;
        drop(progress);
        let deleted = match (keep, folder) {
            (Some(keep), Some(folder)) => delete_old(folder, keep.get())?,
            (Some(_) | None, Some(_) | None) => Vec::new(),
        };
        event("backup_created", "backup created", config);
        let of = format!(" of {}", database::name(config));
        self.show(
            "created and verified a backup",
            &of,
            &report,
            config,
            &deleted,
        );
        if let Some(key) = key_file(config) {
            explain(&format!(
                "The secret key of second factors is not in it. Back up {key} too, apart from it: \
                 without it, authenticator apps are lost.\n"
            ));
        }
        Ok(())
    }

    fn restore(&self, file: &Path, config: &Config) -> Result<(), CliError> {
        let database = sqlite_file(config)?;
        let progress = Progress::running("checking and restoring the backup");
        let report = server::restore(config, file, database).map_err(ServerError::from)?;
        drop(progress);
        event("database_restored", "backup restored", config);
        let from = format!(" from {}", file.display());
        self.show("restored", &from, &report, config, &[]);
        explain(
            "All users have to log in again. Passwords and accounts are those of the backup.\n",
        );
        if let Some(key) = key_file(config) {
            explain(&format!(
                "Second factors need the secret key of the time of the backup in {key}. If it is \
                 lost: bienvenue user reset-second-factor --all\n"
            ));
        }
        Ok(())
    }

    fn show(
        &self,
        what: &str,
        whence: &str,
        report: &BackupReport,
        config: &Config,
        deleted: &[PathBuf],
    ) {
        let file = report.path.display().to_string();
        let deleted = deleted.iter().map(|file| file.display().to_string());
        if self.json {
            print_json(&ShownBackup {
                file,
                bytes: report.bytes,
                users: report.users,
                schema: report.schema.clone(),
                secret_key_file: key_file(config),
                deleted: deleted.collect(),
            });
            return;
        }
        print(&format!(
            "{what}{whence}: {file}, {} users, {} bytes\n",
            report.users, report.bytes
        ));
        for file in deleted {
            print(&format!("deleted {file}\n"));
        }
    }
}

fn event(event: &'static str, sentence: &'static str, config: &Config) {
    OperatorEvent {
        event,
        sentence,
        database: &database::name(config),
        // A database with an older schema has no table for it.
        db: server::open_for_command(config, OpenMode::Check)
            .ok()
            .as_ref(),
        ..OperatorEvent::default()
    }
    .report();
}

/// The SQLite file of the settings.
fn sqlite_file(config: &Config) -> Result<&Path, CliError> {
    match &config.database.database_url {
        DatabaseUrl::Sqlite(file) => Ok(file),
        DatabaseUrl::Postgres(_) => Err(CliError::BackupOfPostgres(database::name(config))),
    }
}

/// The file with the secret key, if there can be one.
fn key_file(config: &Config) -> Option<String> {
    let keys = server::secret_keys(config);
    let path = keys.path()?;
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Some(path.display().to_string())
}

/// Deletes the backups in a folder but the newest ones, and unfinished ones that no process
/// writes. Returns the deleted files.
fn delete_old(folder: &Path, keep: usize) -> Result<Vec<PathBuf>, CliError> {
    let mut backups = Vec::new();
    let mut deleted = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let is_left_over = name.ends_with(".db.unfinished")
            && File::open(&path).is_ok_and(|file| file.try_lock_shared().is_ok());
        if is_left_over {
            deleted.push(path);
        } else if name.ends_with(ENDING) {
            backups.push(path);
        }
    }
    // The names are in the order of time.
    backups.sort_unstable();
    let surplus = backups.len().saturating_sub(keep);
    deleted.extend(backups.into_iter().take(surplus));
    for file in &deleted {
        fs::remove_file(file)?;
    }
    Ok(deleted)
}
