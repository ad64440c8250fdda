//! `bienvenue session`: lists and ends sessions.

use clap::{Args, Subcommand};

use super::audit::OperatorEvent;
use super::output::print;
use super::user::{email, find};
use super::{CliError, database};
use crate::config::Config;
use crate::domain::{Email, SessionInfo};

/// The commands on sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show a user's sessions, newest first
    List {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
    /// End all sessions of one user or of all users, who then have to log in again
    Revoke(Revoke),
}

/// The users whose sessions are ended.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// Email of the user
    #[arg(value_name = "EMAIL", value_parser = email)]
    email: Option<Email>,
    /// All users
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) fn run(&self, config: &Config, offline: bool) -> Result<(), CliError> {
        let db = database::open(config, offline)?;
        match self {
            Self::List { email } => {
                let user = find(&db, email)?;
                let mut page = db.sessions_of(user.id, None, None, PAGE)?;
                print(HEADER);
                while let Some(last) = page.last().map(|session| session.public_id) {
                    print(&lines(&page));
                    page = db.sessions_of(user.id, None, Some(last), PAGE)?;
                }
            }
            Self::Revoke(Revoke { email, .. }) => {
                let user = email.as_ref().map(|email| find(&db, email)).transpose()?;
                let ended = db.end_all_sessions(user.as_ref().map(|user| user.id))?;
                let of = user.as_ref();
                let of = of.map_or_else(String::new, |user| format!(" of {}", user.email));
                let sessions = if ended == 1 { "session" } else { "sessions" };
                let database = &database::name(config);
                OperatorEvent {
                    event: "session_ended",
                    sentence: "sessions ended",
                    user: user.as_ref().map(|user| user.id),
                    count: Some(ended),
                    database,
                    ..OperatorEvent::default()
                }
                .report();
                print(&format!("ended {ended} {sessions}{of} in {database}\n"));
            }
        }
        Ok(())
    }
}

/// How many sessions are read at a time.
const PAGE: u32 = 1000;

const HEADER: &str =
    "SESSION                               OPENED                LAST SEEN             FROM\n";

/// One line for each valid session. It shows the public id, which is no use for a login.
fn lines(sessions: &[SessionInfo]) -> String {
    let valid = sessions.iter().filter(|session| session.valid);
    let line = |session: &SessionInfo| {
        format!(
            "{:<36}  {:<20}  {:<20}  {}\n",
            session.public_id.to_string(),
            session.created_at.rfc3339(),
            session.last_seen_at.rfc3339(),
            session.ip.as_deref().unwrap_or("-"),
        )
    };
    valid.map(line).collect()
}
