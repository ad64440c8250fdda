//! `bienvenue access`: why a user may open a URL, or may not.

use clap::Subcommand;
use url::Url;

use super::output::print;
use super::user::{email, find};
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

impl Command {
    pub(super) fn run(&self, config: &Config, offline: bool) -> Result<(), CliError> {
        let db = database::open(config, offline)?;
        let Self::Why { email, url } = self;
        let user = find(&db, email)?;
        let facts = db.access_facts(user.id, url.origin())?;
        print(&match decide(&facts, Some(url)) {
            Ok(rule) => format!("allowed\t{}\t{url}\t{rule}\n", user.email),
            Err(rule) => format!("denied\t{}\t{url}\t{rule}\n", user.email),
        });
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
