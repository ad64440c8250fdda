//! The command line: one file a group of commands.

mod audit;
mod database;
mod db;
mod keys;
mod mail;
mod output;
mod session;
mod throttle;
mod throttled_accounts;
mod usage;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::auth::AuthError;
use crate::config::{Config, ConfigError, LogFormat, SourceError, Sources};
use crate::db::DbError;
use crate::domain::Email;
use crate::mail::SendError;
use crate::server::{self, ServerError};
use database::OnDatabase;
use usage::UsageError;

/// Accounts, logins and sessions for your applications: a user authentication service in
/// one binary, on a SQLite file or PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "bienvenue", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what happens without a command)
    Serve,
    /// Look after the database
    #[command(subcommand)]
    Db(db::Command),
    /// Look after users
    User(OnDatabase<user::Command>),
    /// Look after the key under which second factors are encrypted
    Keys(OnDatabase<keys::Command>),
    /// See and end sessions
    Session(OnDatabase<session::Command>),
    /// See who is slowed down, and let them try anew
    Throttle(OnDatabase<throttle::Command>),
    /// See which mails wait, and try whether they arrive
    Mail(OnDatabase<mail::Command>),
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or a setting's value; or it asked for help or the version.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A variable, or a file with settings.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Settings that do not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The database, once it was open.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A command for a file that is perhaps not the service's.
    #[error(
        "no running service uses {0}: the service is stopped, or it uses another database. \
         Commands read DATABASE_URL from the same file of settings as the service (--config). \
         To act on this database all the same, add --offline"
    )]
    NotServed(String),
    /// The database is damaged; the findings are on the standard output.
    #[error(
        "the database {url} is damaged: stop the service and restore a backup, or save what can \
         be read with `sqlite3 FILE .recover`; if only indexes are concerned, \
         `sqlite3 FILE REINDEX` makes them again"
    )]
    DatabaseDamaged {
        /// The database.
        url: String,
    },
    /// Nobody has the email that was named.
    #[error("nobody has the email {0}")]
    NoSuchUser(Email),
    /// A use case.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A mail that was not sent.
    #[error("the mail was not sent: {0}")]
    Mail(#[from] SendError),
    /// A mail that was asked for where none is sent.
    #[error("nothing was sent: mails are off (--mail off)")]
    MailsOff,
}

impl CliError {
    /// 78 (`EX_CONFIG` of sysexits) for what trying again cannot mend, else 1; 0 for help.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(UsageError::Asked(_)) => ExitCode::SUCCESS,
            Self::Usage(UsageError::Wrong(_))
            | Self::Source(_)
            | Self::Config(_)
            | Self::MailsOff => ExitCode::from(78),
            Self::Server(error) if error.is_permanent() => ExitCode::from(78),
            Self::DatabaseDamaged { .. }
            | Self::Server(_)
            | Self::NotServed(_)
            | Self::Db(_)
            | Self::NoSuchUser(_)
            | Self::Auth(_)
            | Self::Mail(_) => ExitCode::FAILURE,
        }
    }
}

/// The command line with every setting in front of a command and behind it.
fn command() -> clap::Command {
    Cli::command().mut_args(|argument| match argument.get_env() {
        Some(_) => argument.global(true),
        None => argument,
    })
}

/// A command line that was understood.
#[derive(Debug)]
pub struct Invocation {
    cli: Cli,
    log_filter: Option<String>,
    /// Flags with a secret, by the variable that could hold it instead.
    exposed: Vec<(&'static str, &'static str)>,
}

impl Invocation {
    /// Understands a command line together with the environment and the files of settings.
    ///
    /// # Errors
    /// [`CliError`] names what is wrong; help and version come this way too.
    pub fn parse(arguments: &[OsString]) -> Result<Self, CliError> {
        let command = command();
        let sources = match Sources::read(&command, arguments) {
            Ok(sources) => sources,
            // Help is given whatever is wrong with the settings.
            Err(error) => match command.clone().try_get_matches_from(arguments) {
                Err(asked) if usage::is_asked_for(&asked) => {
                    return Err(usage::explain(&asked).into());
                }
                Ok(_) | Err(_) => return Err(error.into()),
            },
        };
        let (cli, matches) = sources
            .apply(command)
            .try_get_matches_from(arguments)
            .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)))
            .map_err(|error| usage::explain(&error))?;
        cli.config.check()?;
        Ok(Self {
            log_filter: sources.log_filter(),
            exposed: cli
                .config
                .secrets()
                .into_iter()
                .filter(|secret| {
                    matches.value_source(secret.argument) == Some(ValueSource::CommandLine)
                })
                .map(|secret| (secret.flag, secret.variable))
                .collect(),
            cli,
        })
    }

    /// What is to be logged, in `RUST_LOG`'s language, if anybody said so.
    #[must_use]
    pub fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    /// How the lines of the log are to be written.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.cli.config.logging.log_format
    }

    /// Does what was asked for. Blocks until it is done.
    ///
    /// # Errors
    /// [`CliError`] with the cause and the way out.
    pub fn run(&self) -> Result<(), CliError> {
        let config = &self.cli.config;
        for (flag, variable) in &self.exposed {
            log::warn!(
                "{flag} shows a secret to every user of this machine who lists processes: put it \
                 into a file (mode 600) that {variable}_FILE names"
            );
        }
        match &self.cli.command {
            None | Some(Command::Serve) => Ok(server::run(config)?),
            Some(Command::Db(command)) => command.run(config),
            Some(Command::User(on)) => on.command.run(config, on.offline),
            Some(Command::Keys(on)) => on.command.run(config, on.offline),
            Some(Command::Session(on)) => on.command.run(config, on.offline),
            Some(Command::Throttle(on)) => on.command.run(config, on.offline),
            Some(Command::Mail(on)) => on.command.run(config, on.offline),
        }
    }
}
