//! The command line: one file per group of commands.

mod access;
mod app;
mod audit;
mod audit_table;
mod backup;
mod config;
mod database;
mod db;
mod db_copy;
mod doctor;
mod export;
mod find_user;
mod generate;
mod group;
mod import;
mod invite;
mod keys;
mod mail;
mod moment;
mod output;
mod prompt;
mod session;
mod throttle;
mod throttled_accounts;
mod usage;
mod user;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::auth::{AuthError, HashError};
use crate::config::{Config, ConfigError, LogFormat, SourceError, Sources};
use crate::db::{CopyError, DbError, OpenError, OtherSystemError};
use crate::domain::{AppName, Email, GroupName, PasswordError};
use crate::mail::SendError;
use crate::server::{self, ServerError};
use config::Setting;
use database::DatabaseCommand;
use usage::{UsageError, command, help};

/// The end of the help.
const EXIT_CODES: &str = "\
    Exit codes: 0 done; 1 failed, for example because the database is away or damaged; 3 there is \
    no such user, group, application or invitation; 4 refused, for example because it exists \
    already or was not confirmed; 78 the settings or the command line are invalid.";

/// User authentication for your applications: accounts, logins and sessions in one binary, on
/// SQLite or PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "bienvenue", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default)
    #[command(after_help = "Example: bienvenue serve --config /etc/bienvenue/bienvenue.env")]
    Serve,
    /// Migrate and check the database
    #[command(subcommand)]
    Db(db::Command),
    /// Back up, verify and restore a SQLite database
    Backup(backup::Backup),
    /// Check and show the settings
    Config(config::ConfigCommand),
    /// List, find, add, disable and delete users, set passwords, and print reset links
    User(DatabaseCommand<user::Command>),
    /// Print a link with which a person may register once
    Invite(invite::Invite),
    /// Import the users of another system, with their password hashes
    Import(import::Import),
    /// Write all users, with their password hashes, for another system
    Export(export::Export),
    /// Put users into groups
    Group(DatabaseCommand<group::Command>),
    /// Register applications behind a proxy
    App(DatabaseCommand<app::Command>),
    /// See who has access to an application
    Access(DatabaseCommand<access::Command>),
    /// Replace the key under which second factors are encrypted
    Keys(DatabaseCommand<keys::Command>),
    /// List and end sessions
    Session(DatabaseCommand<session::Command>),
    /// List and clear rate limits
    Throttle(DatabaseCommand<throttle::Command>),
    /// List audit events, and check that none was changed
    Audit(DatabaseCommand<audit_table::Command>),
    /// List and retry queued mails, and send a test mail
    Mail(DatabaseCommand<mail::Command>),
    /// Find what is wrong with the set-up, each finding with its remedy
    #[command(
        after_help = "Example: bienvenue doctor --config /etc/bienvenue/bienvenue.env\n\nExit \
                      codes: 0 if nothing is wrong, 1 if something is, which is printed, 78 if the \
                      settings are invalid"
    )]
    Doctor(doctor::Doctor),
    /// Print completions for a shell
    Completions(generate::Completions),
    /// Print the manual page
    Man(generate::Manual),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or a setting's value is invalid; or it asked for help or the version.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// An environment variable or a settings file is invalid.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service failed, or the database could not be opened.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The open database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database file may not be the service's.
    #[error(
        "no running service uses {0}: the service is stopped, or it uses another database. \
         Give the service's own settings file by --config, or add --offline to act on this \
         database all the same"
    )]
    NotServed(String),
    /// The database is damaged. The findings were printed to standard output.
    #[error(
        "the database {url} is damaged: stop the service and restore a backup, or recover the \
         readable rows with `sqlite3 FILE .recover`. If only indexes are damaged, \
         `sqlite3 FILE REINDEX` rebuilds them"
    )]
    DatabaseDamaged {
        /// The database.
        url: String,
    },
    /// The audit table was changed. The findings were printed to standard output.
    #[error("the audit table was changed: compare it with the log (docs/operate.md, Audit table)")]
    AuditTableChanged,
    /// A file has no chain head.
    #[error("{0} has no number of the audit table: only notifications have one")]
    NoChainHead(String),
    /// No user has this email.
    #[error("no user has the email {0}")]
    NoSuchUser(Email),
    /// The database is on PostgreSQL, which has its own tools.
    #[error(
        "{0} is backed up by PostgreSQL's own tools, which copy what only the server knows: \
         `pg_dump --format=custom --file=FILE` and `pg_restore` (docs/deploy.md, Backups)"
    )]
    BackupOfPostgres(String),
    /// The user is disabled.
    #[error("{0} is disabled: `bienvenue user enable {0}` enables the account")]
    UserDisabled(Email),
    /// The operator did not confirm a deletion.
    #[error("nothing was changed: it was not confirmed. Without a terminal, add --yes")]
    NotConfirmed,
    /// The password and its repetition differ.
    #[error("the two passwords differ: nothing was changed")]
    PasswordsDiffer,
    /// The password is invalid.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The terminal or standard input cannot be read.
    #[error("cannot read the answer: {0}")]
    Input(#[from] io::Error),
    /// There is no such group.
    #[error("there is no group {0}: `bienvenue group create {0}` creates it")]
    NoSuchGroup(GroupName),
    /// There is such a group already.
    #[error("the group {0} exists already")]
    GroupExists(GroupName),
    /// The user is not in the group.
    #[error("{0} is not in the group {1}")]
    NotAMember(Email, GroupName),
    /// Applications list the group.
    #[error(
        "the group {0} is listed by these applications: {1}. Without it they could be open to \
         every user: remove them first"
    )]
    GroupInUse(GroupName, String),
    /// There is no such invitation.
    #[error("there is no invitation {0}: `bienvenue invite list` shows those that are not used")]
    NoSuchInvitation(i64),
    /// There is no such application.
    #[error("there is no application {0}")]
    NoSuchApp(AppName),
    /// The name or the URL is taken.
    #[error("the name or the URL is that of the application {0}: `bienvenue app remove {0}` first")]
    AppExists(AppName),
    /// A use case failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A source of users cannot be read.
    #[error("cannot read the source: {0}")]
    Unreadable(io::Error),
    /// The database of another system cannot be read.
    #[error(transparent)]
    OtherSystem(#[from] OtherSystemError),
    /// Weak hashes could not be wrapped.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Rows of a source were not imported. The report names them.
    #[error("{0} rows were refused; all others are in the report")]
    RowsRefused(u64),
    /// An export or the manual cannot be written.
    #[error("cannot write the output: {0}")]
    Unwritable(io::Error),
    /// The database was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The doctor found something wrong. The findings were printed to standard output.
    #[error("{0} findings: each is printed with its remedy")]
    Findings(usize),
    /// The test mail was not sent.
    #[error("the mail was not sent: {0}")]
    Mail(#[from] SendError),
    /// A test mail was requested with `--mail off`.
    #[error("nothing was sent: mails are off (--mail off)")]
    MailsOff,
}

impl CliError {
    /// 0 for help, 78 (`EX_CONFIG` of sysexits) for settings and command lines that a retry cannot
    /// solve, 3 if something does not exist, 4 if the command is refused, else 1.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(UsageError::Help(_)) => ExitCode::SUCCESS,
            Self::Usage(UsageError::Invalid(_))
            | Self::Source(_)
            | Self::Config(_)
            | Self::MailsOff => ExitCode::from(78),
            Self::Server(ServerError::Open(OpenError::Exists(_)))
            | Self::NotServed(_)
            | Self::BackupOfPostgres(_)
            | Self::UserDisabled(_)
            | Self::NotConfirmed
            | Self::PasswordsDiffer
            | Self::Password(_)
            | Self::GroupExists(_)
            | Self::GroupInUse(..)
            | Self::AppExists(_) => ExitCode::from(4),
            Self::Server(error) if error.is_permanent() => ExitCode::from(78),
            Self::DatabaseDamaged { .. } | Self::Server(_) | Self::Input(_) | Self::Mail(_) => {
                ExitCode::FAILURE
            }
            Self::NoSuchUser(_)
            | Self::NoSuchGroup(_)
            | Self::NotAMember(..)
            | Self::NoSuchInvitation(_)
            | Self::NoSuchApp(_) => ExitCode::from(3),
            Self::Db(DbError::AlreadyExists(_))
            | Self::Auth(AuthError::AlreadyExists(_) | AuthError::PasswordPolicyError(_)) => {
                ExitCode::from(4)
            }
            Self::Db(_)
            | Self::Auth(_)
            | Self::Unreadable(_)
            | Self::OtherSystem(_)
            | Self::Hash(_)
            | Self::RowsRefused(_)
            | Self::AuditTableChanged
            | Self::NoChainHead(_)
            | Self::Findings(_)
            | Self::Unwritable(_)
            | Self::Copy(_) => ExitCode::FAILURE,
        }
    }
}

/// A parsed command line, with its settings.
#[derive(Debug)]
pub struct Invocation {
    cli: Cli,
    log_filter: Option<String>,
    /// Flags on the command line that hold a secret, each with its environment variable.
    exposed: Vec<(&'static str, &'static str)>,
    settings: Vec<Setting>,
}

impl Invocation {
    /// Parses a command line together with the environment and the settings files. Blocks for
    /// reading these.
    ///
    /// # Errors
    /// [`CliError`] with the cause. Help and version are returned this way too.
    pub fn parse(arguments: &[OsString]) -> Result<Self, CliError> {
        let command = command();
        let sources = match Sources::read(&command, arguments) {
            Ok(sources) => sources,
            // Help is shown even if the settings are invalid.
            Err(error) => match command.clone().try_get_matches_from(arguments) {
                Err(asked) if usage::is_help(&asked) => return Err(help(arguments).into()),
                Ok(_) | Err(_) => return Err(error.into()),
            },
        };
        let (cli, matches) = sources
            .apply(command)
            .try_get_matches_from(arguments)
            .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)))
            .map_err(|error| {
                if usage::is_help(&error) {
                    help(arguments)
                } else {
                    usage::explain(&error)
                }
            })?;
        cli.config.check()?;
        let settings = Setting::all(&Cli::command(), &matches, &sources, &cli.config);
        Ok(Self {
            settings,
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

    /// The log filter in the syntax of `RUST_LOG`, if one is set.
    #[must_use]
    pub fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    /// The format of the log.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.cli.config.logging.log_format
    }

    /// Runs the command. Blocks until it is done.
    ///
    /// # Errors
    /// [`CliError`] with the cause and the remedy.
    pub fn run(&self) -> Result<(), CliError> {
        let config = &self.cli.config;
        for (flag, variable) in &self.exposed {
            log::warn!(
                "{flag} shows a secret to every user of this machine in the list of processes: \
                 put it into a file with mode 600 and set {variable}_FILE to its path"
            );
        }
        match &self.cli.command {
            None | Some(Command::Serve) => Ok(server::run(config)?),
            Some(Command::Db(command)) => command.run(config),
            Some(Command::Backup(backup)) => backup.run(config),
            Some(Command::Config(command)) => command.run(config, &self.settings),
            Some(Command::Doctor(doctor)) => doctor.run(config),
            Some(Command::Completions(completions)) => {
                completions.run(command());
                Ok(())
            }
            Some(Command::Man(manual)) => manual.run(command()),
            Some(Command::User(on)) => on.command.run(config, on.options),
            Some(Command::Invite(invite)) => invite.run(config),
            Some(Command::Import(import)) => import.run(config),
            Some(Command::Export(export)) => export.run(config),
            Some(Command::Group(on)) => on.command.run(config, on.options),
            Some(Command::App(on)) => on.command.run(config, on.options),
            Some(Command::Access(on)) => on.command.run(config, on.options),
            Some(Command::Keys(on)) => on.command.run(config, on.options),
            Some(Command::Session(on)) => on.command.run(config, on.options),
            Some(Command::Throttle(on)) => on.command.run(config, on.options),
            Some(Command::Audit(on)) => on.command.run(config, on.options),
            Some(Command::Mail(on)) => on.command.run(config, on.options),
        }
    }
}
