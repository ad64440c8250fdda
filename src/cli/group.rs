//! `bienvenue group`: groups of users, by which applications are open or closed to them.

use clap::Subcommand;
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::find_user::{email, find};
use super::output::{Part, Progress, print, print_json};
use super::prompt::Confirmation;
use super::{CliError, database};
use crate::config::Config;
use crate::db::{DB, GroupDeletion};
use crate::domain::{AppName, Email, GroupName, User, UserId};

/// The subcommands of `group`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a group
    #[command(after_help = "Example: bienvenue group create staff")]
    Create {
        /// Name of the group: lower-case letters, digits, hyphens and underscores
        #[arg(value_name = "GROUP")]
        group: GroupName,
    },
    /// Show all groups, or the members of one
    #[command(after_help = "Example: bienvenue group list staff")]
    List {
        /// Group whose members are shown
        #[arg(value_name = "GROUP")]
        group: Option<GroupName>,
        #[command(flatten)]
        part: Part,
    },
    /// Add a user to a group
    #[command(after_help = "Example: bienvenue group add staff bob@example.org")]
    Add {
        /// The group
        #[arg(value_name = "GROUP")]
        group: GroupName,
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
    /// Remove a user from a group
    #[command(after_help = "Example: bienvenue group remove staff bob@example.org")]
    Remove {
        /// The group
        #[arg(value_name = "GROUP")]
        group: GroupName,
        /// Email of the user
        #[arg(value_name = "EMAIL", value_parser = email)]
        email: Email,
    },
    /// Delete a group and its memberships; refused while an application lists the group
    #[command(after_help = "Example: bienvenue group delete staff --yes")]
    Delete {
        /// The group
        #[arg(value_name = "GROUP")]
        group: GroupName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// A group as JSON.
#[derive(Serialize)]
pub(super) struct ShownGroup<'a> {
    group: &'a str,
}

impl<'a> ShownGroup<'a> {
    pub(super) fn of(group: &'a GroupName) -> Self {
        Self {
            group: group.as_str(),
        }
    }
}

/// A member of a group as JSON.
#[derive(Serialize)]
struct ShownMember<'a> {
    id: i64,
    email: &'a str,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        let database = &database::name(config);
        let audited = db.clone();
        let event = |event, sentence, user, group| OperatorEvent {
            event,
            sentence,
            user,
            group: Some(group),
            database,
            db: Some(&audited),
            ..OperatorEvent::default()
        };
        let done = |event: OperatorEvent<'_>, text: &str| {
            event.report_with(options, &format!("{text} in {database}\n"));
        };
        match self {
            Self::Create { group } => {
                if !db.create_group(group)? {
                    return Err(CliError::GroupExists(group.clone()));
                }
                let event = event("group_created", "group created", None, group);
                done(event, &format!("created the group {group}"));
            }
            Self::List { group: None, part } => {
                let read = |after: Option<&GroupName>, limit| db.groups(after, limit);
                part.pages()?.show(read, GroupName::clone, |group| {
                    if options.json {
                        print_json(&ShownGroup::of(group));
                    } else {
                        print(&format!("{group}\n"));
                    }
                })?;
            }
            Self::List {
                group: Some(group),
                part,
            } => {
                if !db.has_group(group)? {
                    return Err(CliError::NoSuchGroup(group.clone()));
                }
                list_members(&db, group, part, options)?;
            }
            Self::Add { group, email } => {
                let user = find(&db, email)?;
                let (name, sentence) = ("group_member_added", "user added to a group");
                let event = event(name, sentence, Some(user.id), group);
                match db.add_member(group, user.id)? {
                    None => return Err(CliError::NoSuchGroup(group.clone())),
                    Some(false) => event.print_unchanged(
                        options,
                        &format!("{} is in {group} already\n", user.email),
                    ),
                    Some(true) => done(event, &format!("added {} to {group}", user.email)),
                }
            }
            Self::Remove { group, email } => {
                let user = find(&db, email)?;
                if !db.remove_member(group, user.id)? {
                    return Err(CliError::NotAMember(email.clone(), group.clone()));
                }
                let (name, sentence) = ("group_member_removed", "user removed from a group");
                let event = event(name, sentence, Some(user.id), group);
                done(event, &format!("removed {} from {group}", user.email));
            }
            Self::Delete {
                group,
                confirmation,
            } => {
                if !db.has_group(group)? && !db.is_group_marked(group)? {
                    return Err(CliError::NoSuchGroup(group.clone()));
                }
                confirmation.ask(&format!(
                    "Delete the group {group} and its memberships in {database}?"
                ))?;
                let progress = Progress::running("deleting the group and its memberships");
                let deletion = db.delete_group(group)?;
                drop(progress);
                match deletion {
                    GroupDeletion::Deleted => {}
                    GroupDeletion::Unknown => return Err(CliError::NoSuchGroup(group.clone())),
                    GroupDeletion::InUse(apps) => {
                        let apps: Vec<&str> = apps.iter().map(AppName::as_str).collect();
                        return Err(CliError::GroupInUse(group.clone(), apps.join(", ")));
                    }
                }
                let event = event("group_deleted", "group deleted", None, group);
                done(event, &format!("deleted the group {group}"));
            }
        }
        Ok(())
    }
}

/// Prints the emails of the members.
fn list_members(db: &DB, group: &GroupName, part: &Part, options: Options) -> Result<(), CliError> {
    part.pages()?.show(
        |after: Option<&i64>, limit| db.members_of(group, after.copied().map(UserId::new), limit),
        |user| user.id.get(),
        |User { id, email, .. }| {
            if options.json {
                print_json(&ShownMember {
                    id: id.get(),
                    email: email.as_str(),
                });
            } else {
                print(&format!("{id}\t{email}\n"));
            }
        },
    )?;
    Ok(())
}
