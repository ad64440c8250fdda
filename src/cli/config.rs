//! `bienvenue config`: the settings as the service reads them.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand};
use serde::Serialize;

use super::CliError;
use super::output::{print, print_json};
use crate::config::{Config, Sources};
use crate::server;

/// What is printed instead of a secret.
const HIDDEN: &str = "(hidden)";

/// The commands on settings.
#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the settings, the templates and the pages without starting the service
    #[command(after_help = "Example: bienvenue config check --config /etc/bienvenue/bienvenue.env")]
    Check,
    /// Show every setting with its value and where it comes from: flag, variable, file or default.
    /// Secrets are hidden
    #[command(after_help = "Example: bienvenue config show --json")]
    Show,
}

/// The result of a check as JSON. Invalid settings are an error.
#[derive(Serialize)]
struct ShownValidity {
    valid: bool,
}

/// A setting with its value and source, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    flag: String,
    variable: String,
    /// None if it is not set and has no fixed default.
    value: Option<String>,
    source: &'static str,
}

impl Setting {
    /// All settings of a parsed command line, in the order of `--help`.
    pub(super) fn all(
        command: &clap::Command,
        matches: &ArgMatches,
        sources: &Sources,
        config: &Config,
    ) -> Vec<Self> {
        let secrets: Vec<&str> = config
            .secrets()
            .into_iter()
            .map(|secret| secret.argument)
            .collect();
        let setting = |argument: &clap::Arg| {
            let variable = argument.get_env()?.to_str()?.to_owned();
            let id = argument.get_id().as_str();
            let values = matches.try_get_raw(id).ok().flatten();
            let value = values.map(|values| {
                let values = values.map(|value| value.to_string_lossy().into_owned());
                values.collect::<Vec<_>>().join(",")
            });
            let source = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => "flag",
                Some(ValueSource::EnvVariable) => "variable",
                Some(_) | None if sources.has(&variable) => "file",
                Some(_) | None => "default",
            };
            let is_secret = secrets.contains(&id);
            Some(Self {
                flag: format!("--{}", argument.get_long()?),
                value: value.map(|value| if is_secret { HIDDEN.to_owned() } else { value }),
                variable,
                source,
            })
        };
        command.get_arguments().filter_map(setting).collect()
    }
}

impl ConfigCommand {
    pub(super) fn run(&self, config: &Config, settings: &[Setting]) -> Result<(), CliError> {
        match self.command {
            Command::Check => {
                server::check_settings(config)?;
                if self.json {
                    print_json(&ShownValidity { valid: true });
                } else {
                    print("the settings are valid\n");
                }
            }
            Command::Show if self.json => settings.iter().for_each(print_json),
            Command::Show => {
                for setting in settings {
                    let value = setting.value.as_deref().unwrap_or("-");
                    print(&format!(
                        "{}\t{value}\t{}\t{}\n",
                        setting.variable, setting.source, setting.flag
                    ));
                }
            }
        }
        Ok(())
    }
}
