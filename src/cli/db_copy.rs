//! `bienvenue db copy`: moves to another database, of the same or the other engine.

use clap::Args;

use super::CliError;
use super::audit::OperatorEvent;
use super::output::{Progress, explain, print};
use crate::config::Config;
use crate::db::{DB, OpenMode};
use crate::domain::DatabaseUrl;
use crate::server;

/// Where the database is copied to.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// URL of an empty database. A SQLite file is created
    #[arg(long, value_name = "URL")]
    to: DatabaseUrl,
}

impl Copy {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let mut progress = Progress::new("rows");
        let copied = server::copy_database(config, &self.to, |rows| progress.add(rows))?;
        drop(progress);
        let target = &self.to.to_string();
        let db = self.open_target(config);
        OperatorEvent {
            event: "database_copied",
            sentence: "database copied",
            count: usize::try_from(copied.users).ok(),
            database: target,
            db: db.as_ref(),
            ..OperatorEvent::default()
        }
        .report();
        print(&format!(
            "copied {} users, {} rows of {} tables, from {} to {target}; counts and checksums \
             agree\n",
            copied.users, copied.rows, copied.tables, config.database.database_url
        ));
        explain(
            "Set DATABASE_URL to the new database and start the service. The old database is \
             unchanged: keep it away from the service, or delete it.\n",
        );
        Ok(())
    }

    /// The target, for the row of the audit event. The copy is complete, whether it opens or not.
    fn open_target(&self, config: &Config) -> Option<DB> {
        let mut config = config.clone();
        config.database.database_url = self.to.clone();
        match server::open_for_command(&config, OpenMode::Check) {
            Ok(db) => Some(db),
            Err(error) => {
                log::warn!("the audit event has no row in the database: {error}");
                None
            }
        }
    }
}
