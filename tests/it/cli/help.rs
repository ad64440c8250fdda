//! The help of each command is short, and has an example that works.

use std::ffi::OsString;

use bienvenue::cli::{Cli, Invocation};
use clap::{Command, CommandFactory};

use crate::support::Place;
use crate::support::program::{finish, program};

/// The commands without subcommands, each with its name as it is typed.
fn commands(above: &str, command: &Command) -> Vec<(String, Command)> {
    let name = format!("{above} {}", command.get_name());
    let name = name.trim().to_owned();
    let mut found: Vec<(String, Command)> = command
        .get_subcommands()
        .flat_map(|inner| commands(&name, inner))
        .collect();
    if found.is_empty() || command.get_after_help().is_some() {
        found.push((name, command.clone()));
    }
    found
}

#[test]
fn settings_and_commands_have_examples_that_parse() {
    let all = Cli::command();
    for (name, command) in all.get_subcommands().flat_map(|inner| commands("", inner)) {
        let text = command.get_after_help().unwrap_or_default().to_string();
        let example = text.lines().find_map(|line| line.strip_prefix("Example: "));
        let example = example.unwrap_or_else(|| panic!("{name} has no example"));
        assert!(
            example.starts_with(&format!("bienvenue {name}")),
            "{example}"
        );
        let words = example.split(" <").next().unwrap().split(' ');
        let words: Vec<OsString> = words.map(OsString::from).collect();
        if !example.contains("--config") {
            Invocation::parse(&words).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}

#[test]
fn help_of_a_command_leaves_out_other_settings() {
    let place = Place::new();
    let help = |arguments: &[&str]| {
        let output = finish(program(place.folder(), arguments));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for command in [["app", "add"], ["group", "list"], ["db", "check"]] {
        let help = help(&[command[0], command[1], "--help"]);
        assert!(help.contains("--database-url"), "{help}");
        assert!(!help.contains("--bcrypt-cost"), "{help}");
        assert!(help.lines().count() < 60, "{help}");
        assert!(help.contains("\nExample: bienvenue "), "{help}");
    }
    assert!(help(&["mail", "test", "--help"]).contains("--mail-user"));
    assert!(help(&["serve", "--help"]).contains("--bcrypt-cost"));
    assert!(help(&["--help"]).contains("\nExit codes: "));
}
