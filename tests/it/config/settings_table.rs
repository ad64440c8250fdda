//! The tables in `docs/settings.md` are generated from the declarations of the settings.

use std::fs;
use std::path::Path;

use bienvenue::cli::Cli;
use clap::{Arg, CommandFactory};

/// The text before and after the generated tables.
const BEGIN: &str = "<!-- Generated: UPDATE_DOCS=1 cargo test --test it settings_table -->\n";
const END: &str = "<!-- End of the generated part -->\n";

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('|', "\\|")
}

/// The help of a setting without its default, and the default that the help names.
fn help(setting: &Arg) -> (String, Option<String>) {
    let help = setting.get_help().unwrap_or_default().to_string();
    match help.split_once("[default: ") {
        Some((meaning, rest)) => {
            let (default, after) = rest.split_once(']').unwrap();
            (cell(&format!("{meaning}{after}")), Some(cell(default)))
        }
        None => (cell(&help), None),
    }
}

/// The values of a setting that has a list of them, with their meanings.
fn values(setting: &Arg) -> String {
    if !setting.get_action().takes_values() {
        return String::new();
    }
    let values = setting.get_possible_values();
    let values: Vec<String> = values
        .iter()
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {}", value.get_name(), cell(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if values.is_empty() {
        return String::new();
    }
    format!(". {}", values.join("; "))
}

fn row(setting: &Arg) -> String {
    let flag = setting.get_long().unwrap();
    let value = setting.get_value_names().unwrap()[0].as_str();
    let variable = setting.get_env().unwrap().to_str().unwrap();
    let (meaning, named) = help(setting);
    let defaults = setting.get_default_values();
    let default = match defaults.first() {
        // One for each mode: "1, or 10 with an https --public-url".
        Some(value) if value.to_str().unwrap().contains(' ') => value.to_str().unwrap().to_owned(),
        Some(value) => format!("`{}`", value.to_str().unwrap()),
        None => named.unwrap_or_else(|| "none".to_owned()),
    };
    let values = values(setting);
    format!("| `--{flag} {value}` | `{variable}` | {default} | {meaning}{values} |\n")
}

/// The tables, one for each group of settings.
fn tables() -> String {
    let (mut tables, mut group) = (String::new(), None);
    for setting in Cli::command().get_arguments() {
        if setting.get_env().is_none() {
            continue;
        }
        let heading = setting.get_help_heading().unwrap_or("Settings file");
        if group.as_deref() != Some(heading) {
            group = Some(heading.to_owned());
            tables.extend(["\n### ", heading, "\n\n"]);
            tables += "| flag | variable | default | meaning |\n|---|---|---|---|\n";
        }
        tables += &row(setting);
    }
    tables + "\n"
}

#[test]
fn settings_table_matches_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (stored, after) = rest.split_once(END).unwrap();
    let tables = tables();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
    } else {
        let remedy = "run: UPDATE_DOCS=1 cargo test --test it settings_table";
        for (stored, generated) in stored.lines().zip(tables.lines()) {
            assert_eq!(stored, generated, "{remedy}");
        }
        assert_eq!(stored.lines().count(), tables.lines().count(), "{remedy}");
    }
}
