//! Wrong command lines end with exit code 2; wrong settings and failures keep codes of their own.

use std::fs;

use crate::support::Place;
use crate::support::program::{finish, program, run, told};

#[test]
fn wrong_command_lines_end_with_2() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    for (line, expected) in [
        ("user show", "required arguments"),
        ("user show nothing", "EMAIL"),
        ("user list --limit 0", "--limit"),
        ("user list --limit", "--limit"),
        ("user delete --all", "--all"),
        ("session revoke", "required arguments"),
        ("session revoke bob@x.fr --all", "cannot be used with"),
        ("throttle clear bob@x.fr --all", "cannot be used with"),
        ("invite --days 91", "--days"),
        ("invite revoke first", "NUMBER"),
        ("app add wiki wiki.example.org", "URL"),
        ("completions csh", "bash"),
        ("backup create file --keep 14", "is not a folder"),
        ("backup create . --keep 0", "--keep"),
        ("db copy --to sqlite://bienvenue.db", "the same database"),
        ("serve now", "now"),
        ("--bcrypt-cost=99", "--bcrypt-cost"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let output = run(place.folder(), &words);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {told}");
        assert!(told.starts_with("bienvenue: "), "{line}: {told}");
        assert!(!told.contains("error: "), "{line}: {told}");
        assert!(told.contains(expected), "{line}: {told}");
        assert!(output.stdout.is_empty(), "{line}");
    }
}

#[test]
fn unknown_command_lists_the_known_ones() {
    let place = Place::new();
    for (line, expected) in [
        (
            "usre list",
            "bienvenue: there is no command usre. Commands of `bienvenue`: serve, db, backup, ",
        ),
        (
            "group remvoe staff",
            "bienvenue: there is no command remvoe. Commands of `bienvenue group`: \
             create, list, add, remove, delete",
        ),
        (
            "session",
            "bienvenue: a command is missing. Commands of `bienvenue session`: list, revoke",
        ),
        (
            "db --database-url sqlite://none.db",
            "bienvenue: a command is missing. Commands of `bienvenue db`: ",
        ),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let output = run(place.folder(), &words);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {told}");
        assert!(told.starts_with(expected), "{line}: {told}");
    }
}

#[test]
fn command_line_is_checked_before_the_settings() {
    let place = Place::new();
    let with = |arguments: &[&str]| {
        let mut command = program(place.folder(), arguments);
        command.env("BIENVENUE_BCRYPT_COST", "99");
        let output = finish(command);
        (output.status.code(), told(&output))
    };
    let (code, told) = with(&["user", "lsit"]);
    assert_eq!(code, Some(2), "{told}");
    let (code, told) = with(&["user", "list"]);
    assert_eq!(code, Some(78), "{told}");
    assert!(told.contains("BIENVENUE_BCRYPT_COST"), "{told}");
}
