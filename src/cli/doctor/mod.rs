//! `bienvenue doctor`: finds what is wrong with a set-up, each finding with its remedy.
//!
//! The checks are tables of small functions, a file for each group. They change nothing, create no
//! account and send no mail.

mod database;
mod examination;
mod files;
mod machine;
mod mail;
mod report;
mod settings;

use clap::Args;

use super::CliError;
use crate::config::Config;
use examination::{Check, Examination};
use report::{Finding, show};

/// Which checks run, and how the findings are printed.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// The checks of this machine: settings, files, database, mail server.
const LOCAL: [&[Check]; 5] = [
    settings::CHECKS,
    machine::CHECKS,
    files::CHECKS,
    database::CHECKS,
    mail::CHECKS,
];

impl Doctor {
    /// Runs the checks, and prints each finding at once. Blocks for some seconds.
    ///
    /// # Errors
    /// [`CliError::Findings`] if something is wrong.
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let examination = Examination::new(config);
        let mut wrong = 0;
        for check in LOCAL.into_iter().flatten() {
            let findings = (check.run)(&examination);
            show(check.name, check.looks_at, &findings, self.json);
            wrong += findings.iter().filter(|finding| finding.is_wrong()).count();
        }
        if wrong > 0 {
            return Err(CliError::Findings(wrong));
        }
        Ok(())
    }
}
