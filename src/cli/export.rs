//! `bienvenue export`: writes all users, with their password hashes, for an import elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::Progress;
use super::{CliError, database};
use crate::config::Config;
use crate::db::{DB, UserToExport};
use crate::domain::HashedPassword;
use crate::import::{SourceUser, exported_line, keycloak_user, kratos_identity};

/// How many users are read at a time.
const PAGE: u32 = 1000;

/// The users to write.
#[derive(Debug, Args)]
#[command(after_help = "Example: bienvenue export --output users.jsonl")]
pub(super) struct Export {
    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// New file to write, with mode 0600; without it, standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object a line, which `bienvenue import` reads
    Jsonl,
    /// An array of identities for `kratos import identities`
    Kratos,
    /// A realm's users, for Keycloak's partial import
    Keycloak,
}

impl Export {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let db = database::open(config, self.options)?;
        let output: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(create(path).map_err(CliError::Unwritable)?),
            None => Box::new(io::stdout().lock()),
        };
        let count = self.write(&db, BufWriter::new(output))?;
        let database = &database::name(config);
        let event = OperatorEvent {
            event: "users_exported",
            sentence: "users exported with their password hashes",
            count: Some(count),
            database,
            db: Some(&db),
            ..OperatorEvent::default()
        };
        event.report();
        if let Some(path) = &self.output {
            let file = path.display();
            event.print_result(
                self.options,
                &format!("exported {count} users from {database} to {file}\n"),
            );
        }
        Ok(())
    }

    fn write(&self, db: &DB, mut output: impl Write) -> Result<usize, CliError> {
        let (before, between, after) = match self.format {
            Format::Jsonl => ("", "", ""),
            Format::Kratos => ("[\n", ",\n", "\n]\n"),
            Format::Keycloak => ("{\"users\":[\n", ",\n", "\n]}\n"),
        };
        let mut progress = Progress::new("users");
        let mut put = |text: &str| {
            output
                .write_all(text.as_bytes())
                .map_err(CliError::Unwritable)
        };
        put(before)?;
        let (mut last, mut count) = (None, 0);
        loop {
            let users = db.users_to_export(last, PAGE)?;
            let Some(user) = users.last() else {
                break;
            };
            last = Some(user.id);
            progress.add(users.len());
            for user in users {
                if count > 0 {
                    put(between)?;
                }
                put(&self.text(&user)?)?;
                count += 1;
            }
        }
        put(after)?;
        output.flush().map_err(CliError::Unwritable)?;
        Ok(count)
    }

    fn text(&self, user: &UserToExport) -> Result<String, CliError> {
        let has_password = user.hashed_password != HashedPassword::unusable();
        let hash = has_password.then(|| user.hashed_password.expose().to_owned());
        let groups = user.groups.iter().map(|group| group.as_str().to_owned());
        let source = SourceUser {
            email: user.email.as_str().to_owned(),
            hash,
            is_verified: user.is_verified,
            is_disabled: user.is_disabled,
            groups: groups.collect(),
            created_at: user.created_at,
        };
        let value: Value = match self.format {
            Format::Jsonl => {
                return exported_line(source).map_err(|error| CliError::Unwritable(error.into()));
            }
            Format::Kratos => kratos_identity(&source, &user.hashed_password),
            Format::Keycloak => keycloak_user(&source, &user.hashed_password),
        };
        Ok(value.to_string())
    }
}

/// Creates a file that only its owner reads. An existing one is refused.
fn create(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
