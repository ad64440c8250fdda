use std::net::IpAddr;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::CliError;
use super::output::print;
use crate::auth::ThrottleSettings;
use crate::config::Config;
use crate::db::{DB, DbError, OpenMode, ThrottleRow};
use crate::domain::{ClientAddress, Email, EmailKey, ThrottleKey};
use crate::server::{self, ServerError};

/// How many rows are listed.
const LISTED: u32 = 1000;

/// What can be done about those who are slowed down.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show who is slowed down, and until when; accounts are shown as digests
    List,
    /// Let somebody try anew
    Clear(Clear),
}

/// Whom to let try anew.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Clear {
    /// An account's email, or a client's address
    #[arg(value_name = "EMAIL|ADDRESS")]
    who: Option<Who>,
    /// Everybody
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone)]
enum Who {
    Account(EmailKey),
    Client(ClientAddress),
}

impl FromStr for Who {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Client(ClientAddress::new(address)));
        }
        Email::parse(text)
            .map(|email| Self::Account(email.key()))
            .or(Err("neither an email nor an IP address"))
    }
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let db = server::open_database(config, OpenMode::Check).map_err(ServerError::from)?;
        match self {
            Self::List => {
                let rows = db.list_guesses(LISTED)?;
                let settings = server::throttle_settings(config);
                print(&table(&rows, &db, &settings));
            }
            Self::Clear(clear) => {
                let cleared = clear.clear(&db)?;
                print(&format!("cleared {cleared}\n"));
            }
        }
        Ok(())
    }
}

impl Clear {
    fn clear(&self, db: &DB) -> Result<usize, DbError> {
        match &self.who {
            None => db.forget_all_guesses(),
            Some(Who::Account(email)) => db.forget_guesses_at(email),
            Some(Who::Client(address)) => db.forget_guesses(&[
                ThrottleKey::address(&address.network()),
                ThrottleKey::subnet(&address.subnet()),
                ThrottleKey::registration(&address.network()),
                ThrottleKey::registration_subnet(&address.subnet()),
                ThrottleKey::reset_requests(&address.network()),
                ThrottleKey::reset_requests_subnet(&address.subnet()),
            ]),
        }
    }
}

/// A line each: kind, attempts, how long the next one has to wait, and what is counted by.
fn table(rows: &[ThrottleRow], db: &DB, settings: &ThrottleSettings) -> String {
    let now = db.clock().now();
    let mut lines = vec![format!("{:<22}{:>8}{:>8}  KEY", "KIND", "FAILS", "WAIT")];
    for row in rows {
        let rule = settings.rule_of(&row.key);
        let wait = if row.is_at_limit(&rule) {
            "locked".to_owned()
        } else {
            format!("{}s", row.wait(&rule, now).as_secs())
        };
        let (kind, key) = row.key.as_str().split_once('/').unwrap_or_default();
        lines.push(format!("{kind:<22}{:>8}{wait:>8}  {key}", row.fails));
    }
    lines.push(String::new());
    lines.join("\n")
}
