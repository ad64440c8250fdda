//! The report of an import: how many users by kind of hash, and what was left out.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use crate::import::{ImportedPassword, NewUser, Refusal};

/// How many line numbers the report names of each kind.
const NAMED: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Report {
    /// Users that were added, or would be.
    pub(super) added: u64,
    /// Users whose address has an account, or is reserved.
    pub(super) present: u64,
    kinds: BTreeMap<&'static str, u64>,
    disabled: u64,
    verified: u64,
    duplicates: u64,
    duplicate_lines: Vec<u64>,
    refused: u64,
    refused_lines: Vec<(u64, String)>,
}

impl Report {
    pub(super) fn add(&mut self, user: &NewUser) {
        let kind = match &user.password {
            ImportedPassword::None => "none",
            ImportedPassword::Stored(_, kind) => kind,
            ImportedPassword::Weak(_) => "weak",
        };
        self.added += 1;
        *self.kinds.entry(kind).or_default() += 1;
        self.disabled += u64::from(user.is_disabled);
        self.verified += u64::from(user.is_verified);
    }

    pub(super) fn refuse(&mut self, line: u64, refusal: &Refusal) {
        self.refused += 1;
        if self.refused_lines.len() < NAMED {
            self.refused_lines.push((line, refusal.to_string()));
        }
    }

    pub(super) fn duplicate(&mut self, line: u64) {
        self.duplicates += 1;
        if self.duplicate_lines.len() < NAMED {
            self.duplicate_lines.push(line);
        }
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// The report as one JSON object on a line.
    pub(super) fn json(&self, dry_run: bool, database: &str) -> String {
        let refused = self.refused_lines.iter();
        let refused = refused.map(|(line, reason)| json!({"line": line, "reason": reason}));
        let report = json!({
            "dry_run": dry_run,
            "database": database,
            "imported": self.added,
            "hashes": self.kinds,
            "verified": self.verified,
            "disabled": self.disabled,
            "present": self.present,
            "duplicates": self.duplicates,
            "duplicate_lines": self.duplicate_lines,
            "refused": self.refused,
            "refused_lines": refused.collect::<Vec<_>>(),
        });
        format!("{report}\n")
    }

    /// The report for people.
    pub(super) fn text(&self, dry_run: bool, database: &str) -> String {
        let mut text = String::new();
        let verb = if dry_run {
            "would be imported"
        } else {
            "imported"
        };
        line(
            &mut text,
            &format!("{} users {verb} into {database}", self.added),
        );
        for (kind, count) in &self.kinds {
            line(
                &mut text,
                &format!("{count:>10}  {kind}: {}", at_login(kind)),
            );
        }
        for (count, what) in [
            (self.verified, "with a verified address"),
            (self.disabled, "disabled: they cannot log in"),
        ] {
            if count > 0 {
                line(&mut text, &format!("{count:>10}  {what}"));
            }
        }
        if self.present > 0 {
            let present = self.present;
            line(
                &mut text,
                &format!("{present} have an account already, which stays as it is"),
            );
        }
        if self.duplicates > 0 {
            let lines = numbers(&self.duplicate_lines);
            let count = self.duplicates;
            line(
                &mut text,
                &format!("{count} duplicates of an earlier row left out: {lines}"),
            );
        }
        if self.refused > 0 {
            line(&mut text, &format!("{} refused:", self.refused));
            for (number, reason) in &self.refused_lines {
                line(&mut text, &format!("  {number}: {reason}"));
            }
        }
        if dry_run {
            line(&mut text, "This was a dry run: nothing was changed.");
        }
        text
    }
}

/// What happens to a password of this kind at the first login.
fn at_login(kind: &str) -> &'static str {
    match kind {
        "bcrypt" => "stored as it is; replaced at the first login if its cost is lower",
        "weak" => "wrapped in bcrypt at the import; replaced at the first login",
        "none" => "no password; the user sets one with a reset link",
        _ => "stored as it is; replaced by bcrypt at the first login",
    }
}

fn numbers(lines: &[u64]) -> String {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    lines.join(", ")
}

fn line(text: &mut String, content: &str) {
    // Writing to a String does not fail.
    let _written = writeln!(text, "{content}").is_ok();
}
