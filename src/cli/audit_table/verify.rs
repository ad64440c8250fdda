//! `bienvenue audit verify`: checks the chain, and prints what it shows.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::mail_heads::heads_of;
use crate::cli::CliError;
use crate::cli::output::{Progress, print, print_json};
use crate::config::Config;
use crate::db::{DB, DbError};
use crate::domain::{AttestedHead, ChainHead, ChainReport};

/// With what the chain is compared.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Emails that users got, saved as files
    #[arg(value_name = "EMAIL")]
    files: Vec<PathBuf>,
    /// The number from such an email
    #[arg(long, value_name = "POSITION:DIGEST")]
    head: Vec<ChainHead>,
}

impl Verify {
    /// Checks the chain. At most one page of its rows is in memory. Blocks until all is read.
    pub(super) fn run(&self, db: &DB, config: &Config, json: bool) -> Result<(), CliError> {
        let mut heads: Vec<AttestedHead> = Vec::new();
        for file in &self.files {
            let found = heads_of(file).map_err(CliError::Unreadable)?;
            if found.is_empty() {
                return Err(CliError::NoChainHead(file.display().to_string()));
            }
            heads.extend(found);
        }
        heads.extend(self.head.iter().map(|head| AttestedHead {
            source: format!("--head {head}"),
            head: *head,
            at: None,
        }));
        let retention = config.logging.audit_retention();
        let oldest = retention.map(|retention| db.clock().now().minus(retention));
        let mut progress = Progress::of(rows(db)?, "rows");
        let report = db.check_audit_chain(oldest, heads, |rows| progress.add(rows))?;
        drop(progress);
        // The service may append in between: the head is that of a later row.
        let head = db.audit_head()?;
        if json {
            print_json(&ShownReport::of(&report, head));
        } else {
            print(&text(&report, head));
        }
        if report.is_intact() {
            Ok(())
        } else {
            Err(CliError::AuditTableChanged)
        }
    }
}

/// How many rows there are.
fn rows(db: &DB) -> Result<u64, DbError> {
    let first = db.audit_rows_after(0, None, 1)?;
    let first = first.first().map_or(1, |row| row.position);
    let last = db.audit_head()?.position;
    Ok(u64::try_from(last - first + 1).unwrap_or(0))
}

/// The report as JSON.
#[derive(Serialize)]
struct ShownReport {
    intact: bool,
    rows: u64,
    first: i64,
    last: i64,
    head: String,
    confirmed: usize,
    outdated: usize,
    findings: Vec<String>,
    further_findings: u64,
}

impl ShownReport {
    fn of(report: &ChainReport, head: ChainHead) -> Self {
        Self {
            intact: report.is_intact(),
            rows: report.rows,
            first: report.first,
            last: report.last,
            head: head.to_string(),
            confirmed: report.confirmed,
            outdated: report.outdated,
            findings: report.findings.iter().map(ToString::to_string).collect(),
            further_findings: report.further,
        }
    }
}

fn text(report: &ChainReport, head: ChainHead) -> String {
    let ChainReport {
        rows,
        first,
        last,
        confirmed,
        outdated,
        findings,
        further,
    } = report;
    let mut lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    if *further > 0 {
        lines.push(format!("and {further} more findings"));
    }
    lines.push(format!(
        "{rows} rows checked, positions {first} to {last}; head {head}"
    ));
    if *outdated > 0 {
        lines.push(format!(
            "{outdated} numbers from emails are older than the first row"
        ));
    }
    if findings.is_empty() {
        let verdict = match confirmed {
            0 => {
                "the rows are chained without a gap. Only an email that a user got can show that \
                 the digests were not computed again: give its file"
            }
            _ => "the rows are chained without a gap, as they were when the emails were sent",
        };
        lines.push(verdict.to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}
