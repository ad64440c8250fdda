//! The parser and the help of the command line, and its errors and those of single settings, in words
//! that show no value.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error};

use super::Cli;

/// The settings that the help of a command shows beside its own options.
const SHOWN_SETTINGS: [&str; 2] = ["config", "database_url"];

/// Why no command runs.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The command line asks for help or the version; this is the text.
    #[error("{0}")]
    Help(String),
    /// The command line is invalid.
    #[error("{0}")]
    Invalid(String),
    /// A variable, or a line of the settings file, has an invalid value.
    #[error("{0}")]
    Setting(String),
}

/// The parser, which accepts every setting before and after a command.
pub(super) fn command() -> Command {
    Cli::command().mut_args(|argument| match argument.get_env() {
        Some(_) => argument.global(true),
        None => argument,
    })
}

/// The parser of the command line alone, which reads no variable.
pub(super) fn flags_alone() -> Command {
    command().mut_args(|argument| argument.env(None::<&'static str>))
}

/// The text of `--help` or `--version`. The help of a command leaves out most settings, which
/// `bienvenue --help` lists.
pub(super) fn help(arguments: &[OsString]) -> UsageError {
    let command = command();
    let hidden: Vec<Arg> = command
        .get_arguments()
        .filter(|argument| argument.get_env().is_some())
        .filter(|argument| !SHOWN_SETTINGS.contains(&argument.get_id().as_str()))
        .map(|argument| argument.clone().hide(true))
        .collect();
    let is_of_mail = |setting: &&Arg| setting.get_id().as_str().starts_with("mail");
    let command = command.mut_subcommands(|subcommand| match subcommand.get_name() {
        "serve" => subcommand,
        "mail" => subcommand.args(hidden.iter().filter(|setting| !is_of_mail(setting))),
        _ => subcommand.args(&hidden),
    });
    match command.try_get_matches_from(arguments) {
        Err(asked) => UsageError::Help(asked.render().to_string()),
        Ok(_) => UsageError::Help(String::new()),
    }
}

pub(super) fn is_help(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    )
}

/// Describes an error of the command line.
pub(super) fn explain(error: &Error, arguments: &[OsString]) -> UsageError {
    let text = |kind| error.get(kind).map(ToString::to_string);
    let missing = [
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    UsageError::Invalid(if missing.contains(&error.kind()) {
        format!("a command is missing. {}", known(arguments))
    } else if let Some(wrong) = text(ContextKind::InvalidSubcommand) {
        format!("there is no command {wrong}. {}", known(arguments))
    } else {
        of_one_setting(error).unwrap_or_else(|| rendered(error))
    })
}

/// Describes an error that only variables and the settings file can have caused.
pub(super) fn explain_setting(error: &Error) -> UsageError {
    UsageError::Setting(of_one_setting(error).unwrap_or_else(|| rendered(error)))
}

fn rendered(error: &Error) -> String {
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// The commands that can follow those that the command line begins with.
fn known(arguments: &[OsString]) -> String {
    let mut command = &Cli::command();
    let mut path = vec![command.get_name()];
    for word in arguments.iter().skip(1) {
        if let Some(next) = command.find_subcommand(word) {
            command = next;
            path.push(command.get_name());
        }
    }
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    format!("Commands of `{}`: {}", path.join(" "), names.join(", "))
}

/// Names the flag and its variable. The message leaves out the value, because it may contain a
/// password.
fn of_one_setting(error: &Error) -> Option<String> {
    let reason = if error.kind() == ErrorKind::InvalidValue {
        match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) if !values.is_empty() => {
                format!("must be one of: {}", values.join(", "))
            }
            Some(_) | None => "a value is missing".to_owned(),
        }
    } else {
        error.source()?.to_string()
    };
    let setting = error.get(ContextKind::InvalidArg)?.to_string();
    let flag = setting.split(' ').next().unwrap_or_default();
    Some(match variable(flag) {
        Some(variable) => format!("{flag} ({variable}): {reason}"),
        None => format!("{flag}: {reason}"),
    })
}

fn variable(flag: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?;
    Cli::command()
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))
        .and_then(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
}
