//! `bienvenue access`: why a user may open a URL, or may not.

use clap::Subcommand;
use serde::Serialize;
use url::Url;

use super::database::Options;
use super::find_user::{email, find};
use super::output::{print, print_json};
use super::{CliError, database};
use crate::auth::decide;
use crate::config::Config;
use crate::domain::{AppUrl, Email, Origin};

/// The subcommands of `access`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print whether a user may open a URL, and the rule. It asks the function that `GET /verify`
    /// asks
    #[command(
        after_help = "Example: bienvenue access why bob@example.org https://wiki.example.org/page"
    )]
    Why {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
        /// URL, such as `https://app.example.org/page`
        #[arg(value_name = "URL", value_parser = url, verbatim_doc_comment)]
        url: AppUrl,
    },
}

/// Whether a user may open a URL, as JSON.
#[derive(Serialize)]
struct Verdict<'a> {
    allowed: bool,
    email: &'a str,
    url: &'a str,
    rule: &'a str,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        let Self::Why { email, url } = self;
        let user = find(&db, email)?;
        let facts = db.access_facts(user.id, url.origin())?;
        let is_disabled = db.account_dates(user.id)?.disabled_at.is_some();
        let (allowed, rule) = match decide(&facts, Some(url)) {
            _ if is_disabled => (false, "the user is disabled".to_owned()),
            Ok(rule) if facts.app.as_ref().is_some_and(|app| app.second_factor) => {
                let level = "with a session that was opened by a second factor";
                (true, format!("{rule}, {level}"))
            }
            Ok(rule) => (true, rule.to_string()),
            Err(rule) => (false, rule.to_string()),
        };
        let email = user.email.as_str();
        if options.json {
            let url = url.to_string();
            print_json(&Verdict {
                allowed,
                email,
                url: &url,
                rule: &rule,
            });
        } else {
            let verdict = if allowed { "allowed" } else { "denied" };
            print(&format!("{verdict}\t{email}\t{url}\t{rule}\n"));
        }
        Ok(())
    }
}

/// A URL as a person types it.
fn url(text: &str) -> Result<AppUrl, &'static str> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let url = Url::parse(&format!("{scheme}://{host}")).ok();
    let origin = url.as_ref().and_then(Origin::of);
    let origin = origin.ok_or("a URL begins with https:// and a host")?;
    Ok(AppUrl::asked(origin, path.as_bytes()))
}
