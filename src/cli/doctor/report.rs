//! What the checks found, and how it is printed.

use serde::Serialize;

use crate::cli::output::{print, print_json};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Nothing is wrong.
    Ok,
    /// The check could not run.
    Skipped,
    /// Something to know or to look at; nothing is wrong for certain.
    Note,
    /// Something is wrong that users or an attacker may notice.
    Warning,
    /// Something is wrong that users or an attacker will notice.
    Error,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    level: Level,
    text: String,
    remedy: String,
}

impl Finding {
    pub(super) fn error(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Error, text, remedy)
    }

    pub(super) fn warning(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Warning, text, remedy)
    }

    pub(super) fn note(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Note, text, remedy)
    }

    /// The check could not run, for this reason.
    pub(super) fn skipped(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Level::Skipped, reason, remedy)
    }

    /// An error whose message ends with its remedy, behind a semicolon or a colon.
    pub(super) fn of_message(message: &str) -> Self {
        let halves = message.rsplit_once("; ");
        let (text, remedy) = halves
            .or_else(|| message.split_once(": "))
            .unwrap_or((message, "see the runbook in docs/operate.md"));
        Self::error(text, remedy)
    }

    fn new(level: Level, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether something is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        match self.level {
            Level::Warning | Level::Error => true,
            Level::Ok | Level::Skipped | Level::Note => false,
        }
    }
}

/// A finding as JSON. A check without one has the level `ok` and no other texts.
#[derive(Serialize)]
struct ShownFinding<'a> {
    check: &'static str,
    looks_at: &'static str,
    level: Level,
    finding: Option<&'a str>,
    remedy: Option<&'a str>,
}

/// Prints what a check found, or that it found nothing.
pub(super) fn show(check: &'static str, looks_at: &'static str, findings: &[Finding], json: bool) {
    let nothing = ShownFinding {
        check,
        looks_at,
        level: Level::Ok,
        finding: None,
        remedy: None,
    };
    if findings.is_empty() && json {
        print_json(&nothing);
    } else if findings.is_empty() {
        print(&format!("ok       {check}: {looks_at}\n"));
    }
    for found in findings {
        let (finding, remedy) = (found.text.as_str(), found.remedy.as_str());
        if json {
            print_json(&ShownFinding {
                level: found.level,
                finding: Some(finding),
                remedy: Some(remedy),
                ..nothing
            });
            continue;
        }
        let label = match found.level {
            Level::Ok => "ok",
            Level::Skipped => "skipped",
            Level::Note => "note",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        };
        let between = if found.level == Level::Skipped {
            "; "
        } else {
            "\n         remedy: "
        };
        print(&format!("{label:<9}{check}: {finding}{between}{remedy}\n"));
    }
}
