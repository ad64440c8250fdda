//! `bienvenue user`: commands on users.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::audit::OperatorEvent;
use super::output::{explain, print};
use super::{CliError, database};
use crate::auth::{Auth, RESET_TOKEN_LIFETIME};
use crate::config::Config;
use crate::db::{DB, DbError, ListedUser};
use crate::domain::{Email, EmailError, HashedPassword, Timestamp, User, UserId};
use crate::mail::token_link;
use crate::server::{self, ServerError};

/// How many users are read at a time.
const PAGE: u32 = 1000;

/// The commands on users.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show all users: id, email, registration, last login
    List,
    /// Add a user without a password
    Add {
        /// The new user's email
        #[arg(value_name = "EMAIL", value_parser = Email::parse_new)]
        email: Email,
    },
    /// Print a one-time link that sets a new password, for a user without working email. It
    /// replaces the user's older links
    ResetLink {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
        /// How long the link is valid, 1m to 30d [default: 30m]
        #[arg(long = "for", value_name = "TIME", value_parser = link_lifetime)]
        lifetime: Option<Duration>,
    },
    /// Remove the second factor of a user who has lost it, end all sessions, and notify the user;
    /// or of all users, if the secret key is lost
    ResetSecondFactor(ResetSecondFactor),
    /// Mark the email of a user as verified
    Verify {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
    /// Delete a user with all their data
    Delete {
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
}

/// Whose second factors are removed.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct ResetSecondFactor {
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
        let database = &database::name(config);
        let report = |event, sentence, user| {
            OperatorEvent {
                event,
                sentence,
                user: Some(user),
                count: None,
                database,
                ..OperatorEvent::default()
            }
            .report();
        };
        match self {
            Self::List => list(&db)?,
            Self::Add { email } => {
                let user = db.add_user(email, &HashedPassword::unusable())?;
                report("user_created", "user added", user.id);
                print(&format!(
                    "added {} as {} in {database}\n",
                    user.email, user.id
                ));
            }
            Self::ResetLink { email, lifetime } => {
                let lifetime = lifetime.unwrap_or(RESET_TOKEN_LIFETIME);
                let user = reset_link(db, email, lifetime, config)?;
                report("authn_token_created", "reset link printed", user);
            }
            Self::ResetSecondFactor(reset) => {
                let email = reset.email.as_ref();
                let user = email.map(|email| find(&db, email)).transpose()?;
                let auth =
                    Auth::new(db, server::auth_settings(config)).map_err(ServerError::from)?;
                let reset = auth.reset_second_factors(user.as_ref())?;
                for user in &reset {
                    report(
                        "authn_second_factor_removed",
                        "second factor removed",
                        *user,
                    );
                }
                let whose =
                    user.map_or_else(|| "all users".to_owned(), |user| user.email.to_string());
                let count = reset.len();
                let factors = if count == 1 { "factor" } else { "factors" };
                print(&format!(
                    "removed {count} second {factors} of {whose} in {database}\n"
                ));
            }
            Self::Verify { email } => {
                let user = find(&db, email)?;
                db.set_email_verified(user.id, &user.email.key())?;
                report("user_updated", "email verified", user.id);
                print(&format!("{} is verified in {database}\n", user.email));
            }
            Self::Delete { email } => {
                let user = find(&db, email)?;
                db.delete_user(user.id)?;
                report("user_deleted", "user deleted", user.id);
                print(&format!(
                    "deleted {} ({}) in {database}\n",
                    user.email, user.id
                ));
            }
        }
        Ok(())
    }
}

fn reset_link(
    db: DB,
    email: &Email,
    lifetime: Duration,
    config: &Config,
) -> Result<UserId, CliError> {
    let user = find(&db, email)?;
    let auth = Auth::new(db, server::auth_settings(config)).map_err(ServerError::from)?;
    let token = auth.create_reset_token(&user.email, lifetime)?.expose();
    let mails = server::mail_settings(config, config.bind());
    let (what, link) = match &mails.reset_page {
        Some(page) => ("link", format!("{}\n", token_link(page, &token))),
        None => ("command", reset_command(&mails.service_url, &token)),
    };
    print(&link);
    let lifetime = in_words(lifetime);
    explain(&format!(
        "This {what} sets a new password for {email} once, within {lifetime}.\n"
    ));
    Ok(user.id)
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

fn list(db: &DB) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let users = db.users_after(after, PAGE)?;
        let Some(last) = users.last() else {
            return Ok(());
        };
        after = Some(last.id);
        print(&users.iter().map(line).collect::<Vec<_>>().concat());
    }
}

/// One line: id, email, dates.
fn line(user: &ListedUser) -> String {
    let ListedUser {
        id,
        email,
        dates,
        totp,
        has_passkeys,
    } = user;
    let shown = |at: Option<Timestamp>| at.map_or_else(|| "unknown".to_owned(), Timestamp::rfc3339);
    let created = shown(dates.created_at);
    let last_login = if dates.has_no_login() {
        "never".to_owned()
    } else {
        shown(dates.last_login_at)
    };
    let disabled = dates.disabled_at.map(Timestamp::rfc3339);
    let disabled = disabled.map_or_else(String::new, |at| format!("\tdisabled {at}"));
    let factor = match (totp, has_passkeys) {
        (None, false) => "",
        (Some(_), false) => "\tsecond factor totp",
        (None, true) => "\tsecond factor passkey",
        (Some(_), true) => "\tsecond factor totp, passkey",
    };
    format!("{id}\t{email}\tcreated {created}\tlast login {last_login}{factor}{disabled}\n")
}

/// Parses an email on the command line.
pub(super) fn email(text: &str) -> Result<Email, EmailError> {
    Email::parse(text)
}

/// The user with this email. Blocks for a lookup.
pub(super) fn find(db: &DB, email: &Email) -> Result<User, CliError> {
    match db.find_user_by(email) {
        Ok(user) => Ok(user),
        Err(DbError::NoResultFound) => Err(CliError::NoSuchUser(email.clone())),
        Err(
            error @ (DbError::AlreadyExists(_)
            | DbError::InvalidRequest(_)
            | DbError::Unavailable(_)
            | DbError::Failed(_)),
        ) => Err(error.into()),
    }
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
