//! `bienvenue doctor`: finds what is wrong with a set-up, each finding with its remedy.
//!
//! The checks are tables of small functions, a file for each group. They change nothing, create no
//! account and send no mail.

mod apps;
mod attack;
mod client;
mod database;
mod examination;
mod files;
mod machine;
mod mail;
mod proxy;
mod public;
mod report;
mod settings;

use std::net::IpAddr;

use clap::Args;

use super::CliError;
use crate::config::Config;
use crate::domain::Origin;
use examination::{Check, Examination};
use report::{Finding, show};

/// Which checks run, and how the findings are printed.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Attack the deployment through its public URL, as a stranger could: forged headers, foreign
    /// hosts, open redirects, cross-site posts. It also works from another machine, with
    /// --public-url and --app
    #[arg(long)]
    attack: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Connect to this address instead of those of the host names, such as 127.0.0.1 before the
    /// names lead to the proxy
    #[arg(long, value_name = "ADDRESS")]
    connect: Option<IpAddr>,
    /// Check this application too, besides the registered ones; may be given several times
    #[arg(long = "app", value_name = "URL", value_parser = Origin::of_app)]
    apps: Vec<Origin>,
}

/// The checks of this machine, and those through the public URL.
const ALL: [&[Check]; 8] = [
    settings::CHECKS,
    machine::CHECKS,
    files::CHECKS,
    database::CHECKS,
    mail::CHECKS,
    public::CHECKS,
    proxy::CHECKS,
    apps::CHECKS,
];

/// The checks that see what a stranger sees.
const OUTSIDE: [&[Check]; 4] = [public::CHECKS, proxy::CHECKS, apps::CHECKS, attack::CHECKS];

impl Doctor {
    /// Runs the checks, and prints each finding at once. Blocks for some seconds.
    ///
    /// # Errors
    /// [`CliError::Findings`] if something is wrong.
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let examination = Examination::new(config, self.connect, &self.apps);
        let mut wrong = 0;
        let groups: &[&[Check]] = if self.attack { &OUTSIDE } else { &ALL };
        for check in groups.iter().copied().flatten() {
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
