//! `bienvenue db copy`: moves to another database, of the same or the other engine.

use clap::Args;
use serde::Serialize;

use super::CliError;
use super::audit::{OperatorEvent, warn_of_missing_row};
use super::output::{Progress, explain, print, print_json};
use crate::config::Config;
use crate::db::{CopySummary, DB, OnlineSummary, OpenMode};
use crate::domain::DatabaseUrl;
use crate::server;

/// Where the database is copied to.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// URL of an empty database. A SQLite file is created
    #[arg(long, value_name = "URL")]
    to: DatabaseUrl,
    /// Copy a SQLite database to PostgreSQL while the service runs, and move the service there
    #[arg(long)]
    online: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was copied, as JSON.
#[derive(Serialize)]
struct ShownCopy<'a> {
    source: &'a str,
    target: &'a str,
    users: u64,
    rows: u64,
    tables: usize,
    #[serde(flatten)]
    online: Option<ShownMove>,
}

/// What only an online copy has.
#[derive(Serialize)]
struct ShownMove {
    changes: usize,
    held_seconds: f64,
    in_charge: bool,
}

impl Copy {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        if self.online {
            return self.run_online(config);
        }
        let mut progress = Progress::new("rows");
        let copied = server::copy_database(config, &self.to, |rows| progress.add(rows))?;
        drop(progress);
        self.report(config, &copied);
        self.show(config, &copied, None);
        explain(
            "Set DATABASE_URL to the new database and start the service. The old database is \
             unchanged: keep it away from the service, or delete it.\n",
        );
        Ok(())
    }

    fn run_online(&self, config: &Config) -> Result<(), CliError> {
        let mut progress = Progress::new("rows");
        let copied = server::copy_online(config, &self.to, |rows| progress.add(rows))?;
        drop(progress);
        if copied.is_in_charge {
            self.report(config, &copied.snapshot);
        }
        self.show(config, &copied.snapshot, Some(&copied));
        explain(if copied.is_in_charge {
            "The new database is in charge, and a service that ran has changed to it. Set \
             DATABASE_URL to it, and --secret-key-file to the file beside the old one that ends in \
             .secret-key, if there is one. Then delete the old file and the one that ends in \
             .moved.\n"
        } else {
            "The old database refuses changes, but a service still runs on it: restart that \
             service. It then uses the new database. Set DATABASE_URL to it.\n"
        });
        Ok(())
    }

    /// Prints what was copied, and of an online copy what followed.
    fn show(&self, config: &Config, copied: &CopySummary, online: Option<&OnlineSummary>) {
        let CopySummary {
            users,
            rows,
            tables,
        } = *copied;
        let (source, target) = (
            &config.database.database_url.to_string(),
            &self.to.to_string(),
        );
        if self.json {
            print_json(&ShownCopy {
                source,
                target,
                users,
                rows,
                tables,
                online: online.map(|online| ShownMove {
                    changes: online.changes,
                    held_seconds: online.held.as_secs_f64(),
                    in_charge: online.is_in_charge,
                }),
            });
            return;
        }
        let copied = format!("copied {users} users, {rows} rows of {tables} tables");
        print(&match online {
            None => format!("{copied}, from {source} to {target}; counts and checksums agree\n"),
            Some(online) => format!(
                "{copied} and {} later changes, from {source} to {target}; checksums agree; \
                 writers were held for {:.2} s\n",
                online.changes,
                online.held.as_secs_f64()
            ),
        });
    }

    fn report(&self, config: &Config, copied: &CopySummary) {
        let db = self.open_target(config);
        OperatorEvent {
            event: "database_copied",
            sentence: "database copied",
            count: usize::try_from(copied.users).ok(),
            database: &self.to.to_string(),
            db: db.as_ref(),
            ..OperatorEvent::default()
        }
        .report();
    }

    /// The target, for the row of the audit event. The copy is complete, whether it opens or not.
    fn open_target(&self, config: &Config) -> Option<DB> {
        let mut config = config.clone();
        config.database.database_url = self.to.clone();
        match server::open_for_command(&config, OpenMode::Check) {
            Ok(db) => Some(db),
            Err(error) => {
                warn_of_missing_row(&error);
                None
            }
        }
    }
}
