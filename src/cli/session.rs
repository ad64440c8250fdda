use clap::{Args, Subcommand};

use super::output::print;
use super::user::{email, find};
use super::{CliError, database};
use crate::config::Config;
use crate::domain::{Email, OpenSession};

/// What can be done about sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show a user's sessions, newest first
    List {
        /// Whose
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
    /// End all sessions of a user, or of everybody: who was logged in has to log in anew
    Revoke(Revoke),
}

/// Whose sessions are to end.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// A user's
    #[arg(value_name = "EMAIL", value_parser = email)]
    email: Option<Email>,
    /// Everybody's
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) fn run(&self, config: &Config, offline: bool) -> Result<(), CliError> {
        let db = database::open(config, offline)?;
        match self {
            Self::List { email } => {
                let user = find(&db, email)?;
                print(&table(&db.sessions_of(user.id, None)?));
            }
            Self::Revoke(Revoke { email, .. }) => {
                let user = email.as_ref().map(|email| find(&db, email)).transpose()?;
                let ended = db.end_all_sessions(user.as_ref().map(|user| user.id))?;
                let of = user.map_or_else(String::new, |user| format!(" of {}", user.email));
                let sessions = if ended == 1 { "session" } else { "sessions" };
                let database = database::name(config);
                print(&format!("ended {ended} {sessions}{of} in {database}\n"));
            }
        }
        Ok(())
    }
}

/// A line each. The name opens nothing; it is the one that the owner sees.
fn table(sessions: &[OpenSession]) -> String {
    let mut lines = vec![format!(
        "{:<36}  {:<20}  {:<20}  FROM",
        "SESSION", "OPENED", "LAST SEEN"
    )];
    for session in sessions.iter().filter(|session| session.valid) {
        lines.push(format!(
            "{:<36}  {:<20}  {:<20}  {}",
            session.public_id,
            session.created_at.rfc3339(),
            session.last_seen_at.rfc3339(),
            session.ip.as_deref().unwrap_or("-"),
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
