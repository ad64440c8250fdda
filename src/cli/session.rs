//! `bienvenue session`: lists and ends sessions.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::find_user::{email, find};
use super::output::{Part, Progress, print, print_json};
use super::prompt::Confirmation;
use super::{CliError, database};
use crate::config::Config;
use crate::domain::{Email, SessionInfo, SessionPublicId};

/// The commands on sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show a user's sessions, newest first
    #[command(after_help = "Example: bienvenue session list bob@example.org --json")]
    List {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
        #[command(flatten)]
        part: Part,
    },
    /// End all sessions of one user, or of all users after a confirmation. They have to log in again
    #[command(after_help = "Example: bienvenue session revoke bob@example.org")]
    Revoke {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The users whose sessions are ended.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// Email of the user
    #[arg(value_name = "EMAIL", value_parser = email)]
    email: Option<Email>,
    /// All users. A login during the command may be ended too
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        match self {
            Self::List { email, part } => {
                let user = find(&db, email)?;
                let pages = part.pages()?;
                if !options.json {
                    print(HEADER);
                }
                let read = |after: Option<&SessionPublicId>, limit| {
                    db.sessions_of(user.id, None, after.copied(), limit)
                };
                let show = |session: &SessionInfo| {
                    if options.json {
                        print_json(&ShownSession::of(session));
                    } else {
                        print(&line(session));
                    }
                };
                pages.show(read, |session| session.public_id, show)?;
            }
            Self::Revoke {
                whose: Whose { email, all },
                confirmation,
            } => {
                let database = &database::name(config);
                if *all {
                    confirmation.ask(&format!("End the sessions of all users in {database}?"))?;
                }
                let user = email.as_ref().map(|email| find(&db, email)).transpose()?;
                let progress = Progress::running("ending sessions");
                let ended = match &user {
                    Some(user) => db.end_sessions_of_user(user.id)?,
                    None => db.end_all_sessions()?,
                };
                drop(progress);
                let of = user.as_ref();
                let of = of.map_or_else(String::new, |user| format!(" of {}", user.email));
                let sessions = if ended == 1 { "session" } else { "sessions" };
                OperatorEvent {
                    event: "session_ended",
                    sentence: "sessions ended",
                    user: user.as_ref().map(|user| user.id),
                    count: Some(ended),
                    database,
                    db: Some(&db),
                    ..OperatorEvent::default()
                }
                .report_with(
                    options,
                    &format!("ended {ended} {sessions}{of} in {database}\n"),
                );
            }
        }
        Ok(())
    }
}

/// A session as JSON. The id is the public one, which is no use for a login.
#[derive(Serialize)]
pub(super) struct ShownSession<'a> {
    id: String,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

impl<'a> ShownSession<'a> {
    pub(super) fn of(session: &'a SessionInfo) -> Self {
        Self {
            id: session.public_id.to_string(),
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            expires_at: session.expires_at.rfc3339(),
            ip: session.ip.as_deref(),
            user_agent: session.user_agent.as_deref(),
        }
    }
}

const HEADER: &str =
    "SESSION                               OPENED                LAST SEEN             FROM\n";

/// A session as a line: the public id, which is no use for a login.
fn line(session: &SessionInfo) -> String {
    format!(
        "{:<36}  {:<20}  {:<20}  {}\n",
        session.public_id.to_string(),
        session.created_at.rfc3339(),
        session.last_seen_at.rfc3339(),
        session.ip.as_deref().unwrap_or("-"),
    )
}
