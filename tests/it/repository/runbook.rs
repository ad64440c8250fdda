//! Every warning and error of the log is in the runbook of `docs/operate.md`, and the runbook has no other.

use std::fs;
use std::path::{Path, PathBuf};

use bienvenue::domain::Limit;

/// Rows about lines that have no words of their own: errors in other words, panics, and audit events.
const OTHER_ROWS: [&str; 4] = [
    "an error that ends the program",
    "panicked at",
    "event=request_failed",
    "outcome=error",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The format string that a macro's arguments begin with, or have behind their fields.
fn format_string(arguments: &str) -> String {
    let mut text = String::new();
    let (mut in_text, mut fields) = (false, false);
    let mut characters = arguments.chars().peekable();
    let mut depth = 1;
    while let Some(character) = characters.next() {
        match (in_text, character) {
            (true, '\\') if characters.peek() == Some(&'\n') => {
                while characters.peek().is_some_and(|next| next.is_whitespace()) {
                    characters.next();
                }
            }
            (true, '\\') => text.extend(characters.next()),
            (true, '"') => {
                in_text = false;
                fields = true;
            }
            (true, _) => text.push(character),
            // The text before it is the fields.
            (false, ';') => {
                text.clear();
                fields = false;
            }
            (false, '"') if !fields => in_text = true,
            (false, '"') => {
                // A later text: the value of a field, or an argument.
                while characters.next().is_some_and(|next| next != '"') {}
            }
            (false, '(') => depth += 1,
            (false, ')') => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            (false, _) => {}
        }
    }
    text
}

/// The text with `...` for each value.
fn without_values(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('{') {
        text = text + before + "...";
        rest = behind.split_once('}').unwrap().1;
    }
    text + rest
}

/// The level and the words of each warning and error in the source.
fn logged() -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (call, level) in [
            ("log::warn!(", "WARN"),
            ("log::error!(", "ERROR"),
            // A level of its own, up to warning.
            ("log::log!(", "WARN"),
        ] {
            for arguments in code.split(call).skip(1) {
                let words = without_values(&format_string(arguments));
                if words.chars().any(char::is_alphabetic) {
                    found.push((level, words));
                }
            }
        }
    }
    found
}

/// The level and the messages of each row of the runbook.
fn rows() -> Vec<(&'static str, &'static str)> {
    let guide = include_str!("../../../docs/operate.md");
    let (_, runbook) = guide.split_once("\n## Runbook\n").unwrap();
    let lines = runbook.lines().filter(|line| line.contains(" | `"));
    lines
        .flat_map(|line| {
            let mut cells = line.split(" | ");
            let level = cells.next().unwrap().trim_start_matches("| ");
            let messages = cells.next().unwrap().split('`').skip(1).step_by(2);
            messages.map(move |message| (level, message))
        })
        .collect()
}

#[test]
fn runbook_has_every_warning_and_error() {
    let (logged, rows) = (logged(), rows());
    assert!(logged.len() > 50, "{logged:#?}");
    let missing: Vec<_> = logged
        .iter()
        .filter(|(level, words)| {
            let matches = |row: &&str| words.starts_with(*row) && row.len() >= 9;
            !rows
                .iter()
                .any(|(of, row)| of.contains(level) && matches(row))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn runbook_has_no_line_that_is_never_logged() {
    let logged = logged();
    let stale: Vec<_> = rows()
        .into_iter()
        .filter(|(level, row)| {
            let is_logged =
                |(of, words): &(&str, String)| level.contains(of) && words.starts_with(row);
            !OTHER_ROWS.contains(row) && !logged.iter().any(is_logged)
        })
        .collect();
    assert!(stale.is_empty(), "{stale:#?}");
}

#[test]
fn words_of_a_call_are_read_with_its_values() {
    let call =
        "\n event = \"request_failed\",\n reason = f(\"x\");\n \"{method} was \\\n   not {}\", a)";
    assert_eq!(without_values(&format_string(call)), "... was not ...");
}

#[test]
fn log_guide_names_each_rate_limit() {
    let guide = include_str!("../../../docs/logs.md");
    let (_, section) = guide.split_once("## Rate limits").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for limit in Limit::ALL {
        let name = format!("`{}`", limit.name());
        assert!(section.contains(&name), "{name}");
    }
}
