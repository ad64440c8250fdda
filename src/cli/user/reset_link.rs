//! `bienvenue user reset-link`: a link that sets a new password once.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::auth::{Auth, RESET_TOKEN_LIFETIME};
use crate::cli::CliError;
use crate::cli::database::Options;
use crate::cli::find_user::{email, find_enabled};
use crate::cli::output::{explain, print, print_json};
use crate::config::Config;
use crate::db::DB;
use crate::domain::{Email, UserId};
use crate::mail::token_link;
use crate::server::{self, ServerError};

/// The user of the link, and its lifetime.
#[derive(Debug, Args)]
pub(in crate::cli) struct ResetLink {
    /// Email of the user
    #[arg(value_name = "EMAIL", value_parser = email)]
    email: Email,
    /// How long the link is valid, 1m to 30d [default: 30m]
    #[arg(long = "for", value_name = "TIME", value_parser = link_lifetime)]
    lifetime: Option<Duration>,
}

#[derive(Serialize)]
struct ShownLink<'a> {
    user_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    valid_seconds: u64,
}

impl ResetLink {
    /// Prints the link, and returns its user.
    pub(super) fn run(
        &self,
        db: DB,
        config: &Config,
        options: Options,
    ) -> Result<UserId, CliError> {
        let user = find_enabled(&db, &self.email)?;
        let lifetime = self.lifetime.unwrap_or(RESET_TOKEN_LIFETIME);
        let auth = Auth::new(db, server::auth_settings(config)).map_err(ServerError::from)?;
        let token = auth.create_reset_token(&user.email, lifetime)?.expose();
        let mails = server::mail_settings(config, config.bind());
        let (what, link) = match &mails.reset_page {
            Some(page) => ("link", token_link(page, &token)),
            None => ("command", reset_command(&mails.service_url, &token)),
        };
        let text = link.trim_end();
        if options.json {
            print_json(&ShownLink {
                user_id: user.id.get(),
                link: (what == "link").then_some(text),
                command: (what == "command").then_some(text),
                valid_seconds: lifetime.as_secs(),
            });
        } else {
            print(&format!("{text}\n"));
        }
        let lifetime = in_words(lifetime);
        explain(&format!(
            "This {what} sets a new password for {} once, within {lifetime}.\n",
            self.email
        ));
        Ok(user.id)
    }
}

/// A command for bash and zsh that prompts for the password, which would otherwise appear in
/// the shell's history and in the list of processes.
fn reset_command(service_url: &str, token: &str) -> String {
    format!(
        "printf 'New password: ' && IFS= read -rs password && printf %s \"$password\" | \\\n  \
         curl -X PUT {service_url}/reset_password \\\n    \
         --data-urlencode reset_token={token} \\\n    \
         --data-urlencode new_password@-\n"
    )
}

/// Parses the lifetime of a link.
fn link_lifetime(text: &str) -> Result<Duration, &'static str> {
    const MINUTE: Duration = Duration::from_secs(60);
    humantime::parse_duration(text)
        .ok()
        .filter(|lifetime| (MINUTE..=MINUTE * 60 * 24 * 30).contains(lifetime))
        .ok_or("a link is valid for 1 minute to 30 days: for example 30m, 12h or 3d")
}

/// A duration in the largest unit of which it is a whole number.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60)];
    let (unit, size) = units
        .into_iter()
        .find(|(_, size)| seconds.is_multiple_of(*size))
        .unwrap_or(("second", 1));
    let count = seconds / size;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_of_a_link_is_parsed_and_printed() {
        for (text, told) in [
            ("1m", Some("1 minute")),
            ("90m", Some("90 minutes")),
            ("1h", Some("1 hour")),
            ("3d", Some("3 days")),
            ("1m 30s", Some("90 seconds")),
            ("30d", Some("30 days")),
            ("59s", None),
            ("30d 1s", None),
            ("3", None),
            ("", None),
        ] {
            let lifetime = link_lifetime(text).ok().map(in_words);
            assert_eq!(lifetime.as_deref(), told, "{text}");
        }
    }
}
