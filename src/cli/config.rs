//! `bienvenue config`: the settings as the service reads them.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand};
use serde::Serialize;

use super::CliError;
use super::output::{print, print_json};
use crate::config::{Config, Sources};
use crate::domain::duration_text;
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
    /// Show every setting with its value and where it comes from: flag, variable, file, default, or
    /// derived, which is a default that depends on other settings. Secrets are hidden
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
    /// None if it is not set and has no default.
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
            let value = value.map(|value| if is_secret { HIDDEN.to_owned() } else { value });
            let derived = derived(config, id).filter(|_| source == "default");
            let (value, source) = match derived {
                Some(derived) => (Some(derived), "derived"),
                None => (value, source),
            };
            Some(Self {
                flag: format!("--{}", argument.get_long()?),
                value,
                variable,
                source,
            })
        };
        command.get_arguments().filter_map(setting).collect()
    }
}

/// The default of a setting that depends on other settings, on the machine or on files.
fn derived(config: &Config, argument: &str) -> Option<String> {
    let page = |path: &str| {
        let service = server::service_url(config, config.bind());
        config.pages.pages.then(|| format!("{service}{path}"))
    };
    let mode = config.mode();
    match argument {
        "config" => Some(config.settings_file()?.display().to_string()),
        "bind" => Some(config.bind().to_string()),
        "trusted_proxies" => Some(config.trusted_proxies().to_string()),
        "password_min_length" => Some(config.password_min_length().to_string()),
        "hash_threads" => Some(config.passwords.threads().to_string()),
        "sessions_per_user" => Some(config.sessions.sessions_per_user.of(mode).to_string()),
        "session_idle" => Some(duration_text(config.sessions.idle())),
        "mail" => Some(format!("dir:{}", server::DEFAULT_FOLDER)),
        "mail_from" => Some(server::sender(config).to_string()),
        "reset_page" => page("/reset"),
        "verify_page" => page("/verify-email"),
        "secret_key_file" => Some(server::secret_keys(config).path()?.display().to_string()),
        _ => None,
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
