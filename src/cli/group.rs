//! `bienvenue group`: groups of users, by which applications are open or closed to them.

use clap::Subcommand;

use super::audit::OperatorEvent;
use super::output::print;
use super::user::{email, find};
use super::{CliError, database};
use crate::config::Config;
use crate::db::{DB, DbError, GroupDeletion};
use crate::domain::{AppName, Email, GroupName, UserId};

/// How many groups are listed.
const LISTED: u32 = 10_000;

/// How many members are read at a time.
const PAGE: u32 = 1000;

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
    #[command(after_help = "Example: bienvenue group delete staff")]
    Delete {
        /// The group
        #[arg(value_name = "GROUP")]
        group: GroupName,
    },
}

impl Command {
    pub(super) fn run(&self, config: &Config, offline: bool) -> Result<(), CliError> {
        let db = database::open(config, offline)?;
        let database = &database::name(config);
        let report = |event, sentence, user: Option<UserId>, group: &GroupName| {
            OperatorEvent {
                event,
                sentence,
                user,
                group: Some(group),
                database,
                ..OperatorEvent::default()
            }
            .report();
        };
        match self {
            Self::Create { group } => {
                if !db.create_group(group)? {
                    return Err(CliError::GroupExists(group.clone()));
                }
                report("group_created", "group created", None, group);
                print(&format!("created the group {group} in {database}\n"));
            }
            Self::List { group: None } => {
                let names = db.groups(LISTED)?;
                let names: Vec<String> = names
                    .iter()
                    .map(|name| {
                        format!(
                            "{name}
"
                        )
                    })
                    .collect();
                print(&names.concat());
            }
            Self::List { group: Some(group) } => {
                if !db.has_group(group)? {
                    return Err(CliError::NoSuchGroup(group.clone()));
                }
                list_members(&db, group)?;
            }
            Self::Add { group, email } => {
                let user = find(&db, email)?;
                match db.add_member(group, user.id)? {
                    None => return Err(CliError::NoSuchGroup(group.clone())),
                    Some(false) => {
                        print(&format!("{} is in {group} already\n", user.email));
                        return Ok(());
                    }
                    Some(true) => {}
                }
                report(
                    "group_member_added",
                    "user added to a group",
                    Some(user.id),
                    group,
                );
                print(&format!("added {} to {group} in {database}\n", user.email));
            }
            Self::Remove { group, email } => {
                let user = find(&db, email)?;
                if !db.remove_member(group, user.id)? {
                    return Err(CliError::NotAMember(email.clone(), group.clone()));
                }
                let sentence = "user removed from a group";
                report("group_member_removed", sentence, Some(user.id), group);
                print(&format!(
                    "removed {} from {group} in {database}\n",
                    user.email
                ));
            }
            Self::Delete { group } => {
                match db.delete_group(group)? {
                    GroupDeletion::Deleted => {}
                    GroupDeletion::Unknown => return Err(CliError::NoSuchGroup(group.clone())),
                    GroupDeletion::InUse(apps) => {
                        let apps: Vec<&str> = apps.iter().map(AppName::as_str).collect();
                        return Err(CliError::GroupInUse(group.clone(), apps.join(", ")));
                    }
                }
                report("group_deleted", "group deleted", None, group);
                print(&format!("deleted the group {group} in {database}\n"));
            }
        }
        Ok(())
    }
}

/// Prints the emails of the members.
fn list_members(db: &DB, group: &GroupName) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let members = db.members_of(group, after, PAGE)?;
        let Some(last) = members.last() else {
            return Ok(());
        };
        after = Some(*last);
        for member in &members {
            match db.find_user_by(*member) {
                Ok(user) => print(&format!("{}\t{}\n", user.id, user.email)),
                // Deleted since the page was read.
                Err(DbError::NoResultFound) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
