//! `bienvenue audit`: lists the rows of the audit table, and checks their chain.

mod list;
mod mail_heads;
mod verify;

use clap::Subcommand;

use super::CliError;
use super::database::{self, Options};
use crate::config::Config;
use list::List;
pub(super) use list::{ShownAuditEvent, event_line};
use verify::Verify;

/// The commands on the audit table.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show audit events, oldest first
    #[command(after_help = "Example: bienvenue audit list --user bob@example.org --since 30d")]
    List(List),
    /// Check that no row was changed, removed, added or moved: each has a digest over the row
    /// before. With an email that users got, also that the digests were not computed again
    #[command(
        after_help = "Example: bienvenue audit verify notification.eml\n\nExits with 1 if \
                      the table shows a change."
    )]
    Verify(Verify),
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        match self {
            Self::List(list) => list.run(&db, options.json),
            Self::Verify(verify) => verify.run(&db, config, options.json),
        }
    }
}
