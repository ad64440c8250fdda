//! The parser and the help of the command line, and its errors in words that show no value.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory, Error};

use super::Cli;

/// The settings that the help of a command shows beside its own options.
const SHOWN_SETTINGS: [&str; 2] = ["config", "database_url"];

/// Why the command line names no command to run.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// It asks for help or the version; this is the text.
    #[error("{0}")]
    Help(String),
    /// It is invalid.
    #[error("{0}")]
    Invalid(String),
}

/// The parser, which accepts every setting before and after a command.
pub(super) fn command() -> clap::Command {
    Cli::command().mut_args(|argument| match argument.get_env() {
        Some(_) => argument.global(true),
        None => argument,
    })
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
        Err(asked) => explain(&asked),
        Ok(_) => UsageError::Help(String::new()),
    }
}

pub(super) fn is_help(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    )
}

/// Describes an error by the flag and its variable. The message leaves out the value, because
/// it may contain a password.
pub(super) fn explain(error: &Error) -> UsageError {
    if is_help(error) {
        return UsageError::Help(error.render().to_string());
    }
    let reason = if error.kind() == ErrorKind::InvalidValue {
        Some(match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) if !values.is_empty() => {
                format!("must be one of: {}", values.join(", "))
            }
            Some(_) | None => "a value is missing".to_owned(),
        })
    } else {
        error.source().map(ToString::to_string)
    };
    let setting = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    match (setting, reason) {
        (Some(setting), Some(reason)) => {
            let flag = setting.split(' ').next().unwrap_or_default();
            UsageError::Invalid(match variable(flag) {
                Some(variable) => format!("{flag} ({variable}): {reason}"),
                None => format!("{flag}: {reason}"),
            })
        }
        (Some(_) | None, Some(_) | None) => UsageError::Invalid(error.render().to_string()),
    }
}

fn variable(flag: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?;
    Cli::command()
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))
        .and_then(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
}
