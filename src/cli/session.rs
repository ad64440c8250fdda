use clap::{Args, Subcommand};

use super::CliError;
use super::output::print;
use super::user::{email, find};
use crate::config::Config;
use crate::db::OpenMode;
use crate::domain::{Email, SessionInfo};
use crate::server::{self, ServerError};

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
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let db = server::open_database(config, OpenMode::Check).map_err(ServerError::from)?;
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
                let ended = db.end_all_sessions(user.map(|user| user.id))?;
                print(&format!("ended {ended}\n"));
            }
        }
        Ok(())
    }
}

/// How many sessions are read at a time.
const PAGE: u32 = 1000;

const HEADER: &str =
    "SESSION                               OPENED                LAST SEEN             FROM\n";

/// A line for each valid session. The name opens nothing; it is the one that the owner sees.
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
