//! What the checks look at.

use std::cell::OnceCell;

use super::Finding;
use crate::config::Config;
use crate::db::{DB, OpenError, OpenMode};
use crate::server;

/// One check: it returns what is wrong, or nothing.
pub(super) struct Check {
    /// Its name, for people and scripts.
    pub(super) name: &'static str,
    /// What it looks at.
    pub(super) looks_at: &'static str,
    pub(super) run: fn(&Examination<'_>) -> Vec<Finding>,
}

/// The set-up. What several checks need is looked up once.
pub(super) struct Examination<'a> {
    pub(super) config: &'a Config,
    database: OnceCell<Result<DB, OpenError>>,
}

impl<'a> Examination<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            database: OnceCell::new(),
        }
    }

    /// The database of the settings, which is not changed.
    pub(super) fn database(&self) -> Result<&DB, &OpenError> {
        let open = || server::open_for_command(self.config, OpenMode::Check);
        self.database.get_or_init(open).as_ref()
    }
}
