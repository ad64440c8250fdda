//! `bienvenue doctor` finds seeded faults, and raises no false alarm.

mod deployment;
mod local;
mod public;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{finish, program, told};

/// The settings of a good service in production. The cost keeps hashes fast in a test build.
const GOOD: [&str; 4] = [
    "--public-url=https://login.example.org",
    "--mail=off",
    "--throttle=on",
    "--bcrypt-cost=10",
];

/// The doctor with these settings; later flags replace those of the good service.
fn doctor(folder: &Path, flags: &[&str]) -> Command {
    let mut settings: Vec<&str> = GOOD.to_vec();
    settings.retain(|good| {
        let name = good.split('=').next().unwrap();
        !flags.iter().any(|flag| flag.starts_with(name))
    });
    let mut command = program(folder, &["doctor", "--json"]);
    command.args(settings).args(flags);
    command
}

/// What the doctor prints: an object for each finding, and for each check without one.
fn findings(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    let found: Vec<Value> = lines.collect::<Result<_, _>>().unwrap();
    assert!(!found.is_empty(), "{}", told(output));
    for finding in &found {
        let is_ok = finding["level"] == "ok";
        assert_eq!(finding["remedy"].is_null(), is_ok, "{finding}");
        assert_eq!(finding["finding"].is_null(), is_ok, "{finding}");
        assert!(finding["looks_at"].is_string(), "{finding}");
    }
    let is_wrong = found.iter().any(is_wrong);
    assert_eq!(output.status.code(), Some(i32::from(is_wrong)), "{text}");
    found
}

fn is_wrong(finding: &Value) -> bool {
    finding["level"] == "error" || finding["level"] == "warning"
}

/// The findings that something is wrong, each as the name of its check and its text.
fn wrong(command: Command) -> BTreeSet<(String, String)> {
    let found = findings(&finish(command));
    let wrong = found.iter().filter(|finding| is_wrong(finding));
    wrong
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            (text("check"), text("finding"))
        })
        .collect()
}

/// Asserts that each seeded fault is found by its check, with these words.
fn assert_found(found: &BTreeSet<(String, String)>, faults: &[(&str, &str)]) {
    for (check, words) in faults {
        let is_fault = |(name, text): &(String, String)| name == check && text.contains(words);
        assert!(
            found.iter().any(is_fault),
            "{check}: {words}, not in {found:#?}"
        );
    }
}
