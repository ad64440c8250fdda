//! `bienvenue user`: commands on users.

mod filter;
mod reset_link;
mod shown;

use clap::{Args, Subcommand};

use super::audit::OperatorEvent;
use super::database::Options;
use super::find_user::{One, email, find, find_enabled};
use super::group::ShownGroup;
use super::output::{Progress, print, print_json};
use super::prompt::{Confirmation, new_password};
use super::{CliError, database};
use crate::auth::{Auth, UserDetails};
use crate::config::Config;
use crate::db::{DB, DbError};
use crate::domain::{Actor, Email, HashedPassword, User};
use crate::server::{self, ServerError};
use filter::Filter;
use reset_link::ResetLink;
use shown::ShownUser;

/// How many sessions `user show` shows.
const SESSIONS: u32 = 100;

/// How many audit events `user show` shows.
const EVENTS: u32 = 20;

/// The commands on users.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show users: id, email, registration, last login, second factor, since when disabled
    #[command(after_help = "Example: bienvenue user list --inactive-since 365d --limit 100 --json")]
    List(Filter),
    /// Show a user: dates, second factors, groups, the newest 100 sessions, and the newest 20 audit
    /// events
    #[command(after_help = "Example: bienvenue user show bob@example.org")]
    Show(One),
    /// Show the users whose email contains a text
    #[command(after_help = "Example: bienvenue user find @example.org --disabled")]
    Find {
        /// Part of the email, in any letter case
        #[arg(value_name = "TEXT")]
        text: String,
        #[command(flatten)]
        filter: Filter,
    },
    /// Add a user without a password
    #[command(after_help = "Example: bienvenue user add bob@example.org")]
    Add {
        /// The new user's email
        #[arg(value_name = "EMAIL", value_parser = Email::parse_new)]
        email: Email,
    },
    /// Set a user's password. It is asked for without echo, or read from the first line of
    /// standard input. All sessions of the user end
    #[command(after_help = "Example: bienvenue user set-password bob@example.org < password.txt")]
    SetPassword(One),
    /// Print a one-time link that sets a new password, for a user without working email. It
    /// replaces the user's older links
    #[command(after_help = "Example: bienvenue user reset-link bob@example.org --for 3d")]
    ResetLink(ResetLink),
    /// Remove the second factor of a user who has lost it, end all sessions, and notify the user;
    /// or of all users after a confirmation, if the secret key is lost
    #[command(after_help = "Example: bienvenue user reset-second-factor bob@example.org")]
    ResetSecondFactor {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Mark the email of a user as verified
    #[command(after_help = "Example: bienvenue user verify bob@example.org")]
    Verify(One),
    /// Disable a user: end all sessions, revoke tokens and queued mails, and refuse logins as wrong
    /// passwords are refused
    #[command(after_help = "Example: bienvenue user disable bob@example.org")]
    Disable(One),
    /// Enable a disabled user. The old password is valid again
    #[command(after_help = "Example: bienvenue user enable bob@example.org")]
    Enable(One),
    /// Delete a user with all their data, after a confirmation
    #[command(after_help = "Example: bienvenue user delete bob@example.org --yes")]
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Show the groups of a user
    #[command(after_help = "Example: bienvenue user groups bob@example.org")]
    Groups(One),
}

/// The user whose second factors are removed.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// Email of the user
    #[arg(value_name = "EMAIL", value_parser = email)]
    email: Option<Email>,
    /// All users
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        let database = &database::name(config);
        let audited = db.clone();
        let event = |event, sentence, user| OperatorEvent {
            event,
            sentence,
            user: Some(user),
            database,
            db: Some(&audited),
            ..OperatorEvent::default()
        };
        let done = |event: OperatorEvent<'_>, text: &str| {
            event.report_with(options, &format!("{text} in {database}\n"));
        };
        match self {
            Self::List(filter) => filter.list(&db, options.json)?,
            Self::Find { text, filter } => filter.with_email(text).list(&db, options.json)?,
            Self::Show(One { email }) => show(&db, email, options)?,
            Self::Groups(One { email }) => groups(&db, email, options)?,
            Self::Add { email } => {
                let user = db.add_user(email, &HashedPassword::unusable())?;
                let text = format!("added {} as {}", user.email, user.id);
                done(event("user_created", "user added", user.id), &text);
            }
            Self::SetPassword(One { email }) => {
                let user = set_password(db, email, config)?;
                let event = event("authn_password_change", "password set", user.id);
                done(event, &format!("set the password of {}", user.email));
            }
            Self::ResetLink(link) => {
                let user = link.run(db, config, options)?;
                event("authn_token_created", "reset link printed", user).report();
            }
            Self::ResetSecondFactor {
                whose: Whose { email, all },
                confirmation,
            } => {
                if *all {
                    let question = format!("Remove the second factors of all users in {database}?");
                    confirmation.ask(&question)?;
                }
                let user = email.as_ref().map(|email| find(&db, email)).transpose()?;
                reset_second_factors(db, user, config, options)?;
            }
            Self::Verify(One { email }) => {
                let user = find(&db, email)?;
                db.set_email_verified(user.id, &user.email.key())?;
                let event = event("user_updated", "email verified", user.id);
                done(event, &format!("{} is verified", user.email));
            }
            Self::Disable(One { email }) => {
                let user = find(&db, email)?;
                let event = event("user_disabled", "user disabled", user.id);
                if db.disable_user(user.id)? {
                    done(event, &format!("disabled {}", user.email));
                } else {
                    event
                        .print_unchanged(options, &format!("{} is disabled already\n", user.email));
                }
            }
            Self::Enable(One { email }) => {
                let user = find(&db, email)?;
                let event = event("user_enabled", "user enabled", user.id);
                if db.enable_user(user.id)? {
                    done(event, &format!("enabled {}", user.email));
                } else {
                    event.print_unchanged(options, &format!("{} is not disabled\n", user.email));
                }
            }
            Self::Delete { one, confirmation } => {
                let user = find(&db, &one.email)?;
                let question = format!("Delete {} ({}) in {database}?", user.email, user.id);
                confirmation.ask(&question)?;
                db.delete_user(user.id, Actor::Operator)?;
                let event = event("user_deleted", "user deleted", user.id);
                done(event, &format!("deleted {} ({})", user.email, user.id));
            }
        }
        Ok(())
    }
}

/// Removes the second factors of a user, or of all, with an event for each.
fn reset_second_factors(
    db: DB,
    user: Option<User>,
    config: &Config,
    options: Options,
) -> Result<(), CliError> {
    let database = &database::name(config);
    let audited = db.clone();
    let event = |user| OperatorEvent {
        event: "authn_second_factor_removed",
        sentence: "second factor removed",
        user,
        database,
        db: Some(&audited),
        ..OperatorEvent::default()
    };
    let auth = Auth::new(db, server::auth_settings(config)).map_err(ServerError::from)?;
    let progress = Progress::running("removing second factors");
    let reset = auth.reset_second_factors(user.as_ref())?;
    drop(progress);
    for user in &reset {
        event(Some(*user)).report();
    }
    let whose = user.as_ref();
    let whose = whose.map_or_else(|| "all users".to_owned(), |user| user.email.to_string());
    let count = reset.len();
    let factors = if count == 1 { "factor" } else { "factors" };
    OperatorEvent {
        count: Some(count),
        ..event(user.map(|user| user.id))
    }
    .print_result(
        options,
        &format!("removed {count} second {factors} of {whose} in {database}\n"),
    );
    Ok(())
}

fn show(db: &DB, email: &Email, options: Options) -> Result<(), CliError> {
    let user = find(db, email)?;
    let details = match UserDetails::read(db, user.id, SESSIONS) {
        Err(DbError::NoResultFound) => return Err(CliError::NoSuchUser(email.clone())),
        details => details?,
    };
    let events = db.audit_events_of(user.id, None, EVENTS)?;
    if options.json {
        print_json(&ShownUser::of(&details, &events));
    } else {
        print(&shown::text(&details, &events));
    }
    Ok(())
}

fn groups(db: &DB, email: &Email, options: Options) -> Result<(), CliError> {
    let user = find(db, email)?;
    for group in db.groups_of(user.id)? {
        if options.json {
            print_json(&ShownGroup::of(&group));
        } else {
            print(&format!("{group}\n"));
        }
    }
    Ok(())
}

/// Sets a password as its owner would with a link: by the policy, with a notification, and all
/// sessions and tokens end.
fn set_password(db: DB, email: &Email, config: &Config) -> Result<User, CliError> {
    let user = find_enabled(&db, email)?;
    let password = new_password()?;
    let auth = Auth::new(db, server::auth_settings(config)).map_err(ServerError::from)?;
    let token = auth.get_reset_password_token(&user.email)?;
    Ok(auth.update_password(&token, &password)?)
}
