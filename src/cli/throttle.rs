//! `bienvenue throttle`: lists and clears rate limits.

use std::net::IpAddr;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::{Part, Progress, explain, print, print_json};
use super::prompt::Confirmation;
use super::{CliError, database};
use crate::auth::{ThrottleSettings, mail_limit_keys};
use crate::config::Config;
use crate::db::{DB, DbError, LimitRow, ListedLimit};
use crate::domain::{ClientIp, Email, Limit, LimitKey, NormalizedEmail, Timestamp, UserId};

/// The commands on rate limits.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the rate limits in use, sorted by kind: kind, attempts, seconds to wait, and account or
    /// network. After a page, --after of the next one is on standard error
    #[command(after_help = "Example: bienvenue throttle list --limit 100")]
    List(Part),
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
            Self::List(part) => list(&db, part, &config.throttling, options)?,
            Self::Clear {
                which,
                confirmation,
            } => {
                let database = &database::name(config);
                if which.all {
                    let question = format!("Clear all rate limits in {database}?");
                    confirmation.ask(&question)?;
                }
                let progress = Progress::running("clearing rate limits");
                let cleared = which.clear(&db)?;
                drop(progress);
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
                let keys = prefixes.iter().flat_map(|prefix| {
                    let limits = Limit::ALL.iter();
                    limits.map(move |limit| LimitKey::of_clients(*limit, prefix))
                });
                db.clear_limits(&keys.collect::<Vec<_>>())
            }
        }
    }
}

/// Prints limits, with the emails of their accounts.
fn list(
    db: &DB,
    part: &Part,
    settings: &ThrottleSettings,
    options: Options,
) -> Result<(), CliError> {
    let pages = part.pages()?;
    if !options.json {
        print(&format!("{:<22}{:>8}{:>8}  KEY\n", "KIND", "FAILS", "WAIT"));
    }
    let now = db.clock().now();
    let last = pages.show(
        |after, limit| db.limits(after, limit),
        |listed| listed.row.key.clone(),
        |listed| {
            let subject = subject(listed);
            let limit = ShownLimit::of(&listed.row, &subject, settings, now);
            if options.json {
                print_json(&limit);
            } else {
                print(&limit.line());
            }
        },
    )?;
    if let (Some(last), false) = (last, options.json) {
        explain(&format!("Next page: --after {last}\n"));
    }
    Ok(())
}

/// The subject of a limit, with the email instead of its digest.
fn subject(ListedLimit { row, email }: &ListedLimit) -> String {
    let subject = row.key.subject();
    let Some(digest) = row.key.email_digest() else {
        return subject.to_owned();
    };
    let unknown = || format!("unknown account {}", digest.get(..8).unwrap_or(digest));
    let email = email.as_ref().map_or_else(unknown, Email::to_string);
    subject.replacen(digest, &email, 1)
}

/// A rate limit as JSON. `wait_seconds` is none for one that does not end by waiting; `item` is the
/// key as it is stored.
#[derive(Serialize)]
struct ShownLimit<'a> {
    kind: &'static str,
    fails: u32,
    wait_seconds: Option<u64>,
    key: &'a str,
    item: &'a str,
}

impl<'a> ShownLimit<'a> {
    fn of(row: &'a LimitRow, key: &'a str, settings: &ThrottleSettings, now: Timestamp) -> Self {
        let rule = settings.rule(row.key.limit());
        let wait = row.wait(&rule, now).as_secs();
        Self {
            kind: row.key.limit().name(),
            fails: row.fails,
            wait_seconds: (!row.is_at_limit(&rule)).then_some(wait),
            key,
            item: row.key.as_str(),
        }
    }

    fn line(&self) -> String {
        let wait = self.wait_seconds.map(|seconds| format!("{seconds}s"));
        let wait = wait.as_deref().unwrap_or("locked");
        format!(
            "{:<22}{:>8}{wait:>8}  {}\n",
            self.kind, self.fails, self.key
        )
    }
}
