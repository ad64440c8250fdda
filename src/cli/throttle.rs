//! `bienvenue throttle`: lists and clears rate limits.

use std::net::IpAddr;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::{Progress, print, print_json};
use super::prompt::Confirmation;
use super::throttled_accounts::ThrottledAccounts;
use super::{CliError, database};
use crate::auth::{ThrottleSettings, mail_limit_keys};
use crate::config::Config;
use crate::db::{DB, DbError, LimitRow};
use crate::domain::{ClientIp, Email, LimitKey, NormalizedEmail, UserId};

/// The largest number of limits that are listed.
const LISTED: u32 = 1000;

/// The commands on rate limits.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the rate limits in use, the 1000 with the most attempts: kind, attempts, seconds to
    /// wait, and account or network
    #[command(after_help = "Example: bienvenue throttle list")]
    List,
    /// Clear the rate limits of an account, of a client address, or all after a confirmation
    #[command(after_help = "Example: bienvenue throttle clear bob@example.org")]
    Clear {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The limits to clear.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// Email of an account, or IP address of a client
    #[arg(value_name = "EMAIL|ADDRESS")]
    target: Option<ClearTarget>,
    /// All rate limits
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone)]
enum ClearTarget {
    Account(NormalizedEmail),
    Client(ClientIp),
}

impl FromStr for ClearTarget {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Client(ClientIp::new(address)));
        }
        Email::parse(text)
            .map(|email| Self::Account(email.key()))
            .or(Err("neither an email nor an IP address"))
    }
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        match self {
            Self::List => {
                let rows = db.list_limits(LISTED)?;
                let settings = config.throttling;
                let progress = Progress::running("finding the accounts of the limits");
                let accounts = ThrottledAccounts::find(&db, &rows)?;
                drop(progress);
                if options.json {
                    for row in &rows {
                        print_json(&ShownLimit::of(row, &accounts, &db, &settings));
                    }
                } else {
                    print(&table(&rows, &accounts, &db, &settings));
                }
            }
            Self::Clear {
                which,
                confirmation,
            } => {
                let database = &database::name(config);
                if which.all {
                    let question = format!("Clear all rate limits in {database}?");
                    confirmation.ask(&question)?;
                }
                let cleared = which.clear(&db)?;
                let counts = if cleared == 1 { "count" } else { "counts" };
                let user = which.user(&db)?;
                OperatorEvent {
                    event: "throttle_cleared",
                    sentence: "limits cleared",
                    user,
                    count: Some(cleared),
                    database,
                    db: Some(&db),
                    ..OperatorEvent::default()
                }
                .report_with(
                    options,
                    &format!("cleared {cleared} {counts} in {database}\n"),
                );
            }
        }
        Ok(())
    }
}

impl Which {
    /// The account whose limits are cleared, if it exists.
    fn user(&self, db: &DB) -> Result<Option<UserId>, DbError> {
        let Some(ClearTarget::Account(email)) = &self.target else {
            return Ok(None);
        };
        match db.find_user_by(email.clone()) {
            Ok(user) => Ok(Some(user.id)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(
                error @ (DbError::AlreadyExists(_)
                | DbError::InvalidRequest(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_)),
            ) => Err(error),
        }
    }

    fn clear(&self, db: &DB) -> Result<usize, DbError> {
        match &self.target {
            None => db.clear_all_limits(),
            Some(ClearTarget::Account(email)) => {
                let mut keys = mail_limit_keys(email);
                keys.push(LimitKey::second_factor(email));
                Ok(db.clear_limits_for(email)? + db.clear_limits(&keys)?)
            }
            Some(ClearTarget::Client(address)) => {
                let prefixes = [address.network(), address.subnet()];
                let keys = prefixes.iter().flat_map(LimitKey::of_clients);
                db.clear_limits(&keys.collect::<Vec<_>>())
            }
        }
    }
}

/// A rate limit as JSON. `wait_seconds` is none for one that does not end by waiting.
#[derive(Serialize)]
struct ShownLimit {
    kind: &'static str,
    fails: u32,
    wait_seconds: Option<u64>,
    key: String,
}

impl ShownLimit {
    fn of(
        row: &LimitRow,
        accounts: &ThrottledAccounts,
        db: &DB,
        settings: &ThrottleSettings,
    ) -> Self {
        let rule = settings.rule(row.key.limit());
        let wait = row.wait(&rule, db.clock().now()).as_secs();
        Self {
            kind: row.key.limit().name(),
            fails: row.fails,
            wait_seconds: (!row.is_at_limit(&rule)).then_some(wait),
            key: accounts.show(row.key.subject()),
        }
    }
}

/// One line per limit: kind, attempts, wait before the next attempt, and key.
fn table(
    rows: &[LimitRow],
    accounts: &ThrottledAccounts,
    db: &DB,
    settings: &ThrottleSettings,
) -> String {
    let now = db.clock().now();
    let mut lines = vec![format!("{:<22}{:>8}{:>8}  KEY", "KIND", "FAILS", "WAIT")];
    for row in rows {
        let rule = settings.rule(row.key.limit());
        let wait = if row.is_at_limit(&rule) {
            "locked".to_owned()
        } else {
            format!("{}s", row.wait(&rule, now).as_secs())
        };
        let kind = row.key.limit().name();
        let key = accounts.show(row.key.subject());
        lines.push(format!("{kind:<22}{:>8}{wait:>8}  {key}", row.fails));
    }
    lines.push(String::new());
    lines.join("\n")
}
