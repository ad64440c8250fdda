//! Errors of the command line, in words that show no value.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::Cli;

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
