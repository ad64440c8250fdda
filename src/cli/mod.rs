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
mod error;
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
mod usage;
mod user;

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, LogFormat, Sources};
use crate::server;
use config::Setting;
use database::DatabaseCommand;
use usage::{command, flags_alone, help};

pub use error::CliError;

/// The end of the help.
const EXIT_CODES: &str = "\
    Exit codes: 0 done; 1 failed, for example because the database is away or damaged; 2 the \
    command line is invalid; 3 there is no such user, group, application or invitation; 4 refused, \
    for example because it exists already or was not confirmed; 78 the settings are invalid.";

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
        // First without variables and files: what is wrong here, the command line has wrong.
        if let Err(error) = flags_alone().try_get_matches_from(arguments) {
            return Err(if usage::is_help(&error) {
                help(arguments).into()
            } else {
                usage::explain(&error, arguments).into()
            });
        }
        let command = command();
        let sources = Sources::read(&command, arguments)?;
        let (cli, matches) = sources
            .apply(command)
            .try_get_matches_from(arguments)
            .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)))
            .map_err(|error| usage::explain_setting(&error))?;
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

    /// Whether the command runs the service.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.cli.command, None | Some(Command::Serve))
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
