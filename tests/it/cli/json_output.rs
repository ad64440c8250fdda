//! `--json`: every command that prints data prints the objects that `docs/operate.md` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use bienvenue::cli::Cli;
use clap::{Command, CommandFactory};
use rstest::rstest;
use serde_json::Value;

use crate::support::program::{program, told};
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";

/// The commands that print no data: the service, scripts and pages, and what only logs.
const WITHOUT_DATA: [&str; 4] = ["serve", "db migrate", "completions", "man"];

/// The commands in an order in which each has something to print, with their arguments and the
/// words that the shell would put around them.
const COMMANDS: [(&str, &[&str]); 44] = [
    ("config check", &[]),
    ("config show", &[]),
    ("db status", &[]),
    ("db check", &[]),
    ("user add", &[BOB]),
    ("user set-password", &[BOB]),
    ("user list", &[]),
    ("user find", &["dylan"]),
    ("user verify", &[BOB]),
    ("user reset-link", &[BOB]),
    ("group create", &["staff"]),
    ("group list", &[]),
    ("group add", &["staff", BOB]),
    ("group add", &["staff", BOB]),
    ("group list", &["staff"]),
    ("user groups", &[BOB]),
    ("user show", &[BOB]),
    ("app add", &["wiki", "https://wiki.example.org"]),
    ("app groups", &["wiki", "staff"]),
    ("app list", &[]),
    ("app show", &["wiki", "--proxy=caddy"]),
    ("access why", &[BOB, "https://wiki.example.org"]),
    ("app remove", &["wiki", "--yes"]),
    ("group remove", &["staff", BOB]),
    ("group delete", &["staff", "--yes"]),
    ("invite", &["eve@dylan.com", "--days=2"]),
    ("invite list", &[]),
    ("invite revoke", &["1"]),
    ("session list", &[BOB]),
    ("session revoke", &["--all", "--yes"]),
    ("user disable", &[BOB]),
    ("user enable", &[BOB]),
    ("user reset-second-factor", &["--all", "--yes"]),
    ("keys rotate", &["--secret-key-file=key"]),
    ("mail queue", &[]),
    ("mail retry", &[]),
    ("mail test", &[BOB]),
    ("throttle list", &[]),
    ("throttle clear", &["--all", "--yes"]),
    ("audit list", &[]),
    ("audit verify", &[]),
    ("export", &["--output=users.jsonl"]),
    ("import", &["users.jsonl", "--dry-run"]),
    ("user delete", &[BOB, "--yes"]),
];

/// The commands for one engine, or that need more than a database.
const BESIDE: [(&str, &[&str]); 5] = [
    ("db copy", &["--to=sqlite://second.db"]),
    ("backup create", &["copy.db"]),
    ("backup verify", &["copy.db"]),
    ("backup restore", &["copy.db"]),
    ("doctor", &[]),
];

/// The names of the commands that can be called.
fn names(above: &str, command: &Command) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for inner in command.get_subcommands() {
        let name = format!("{above} {}", inner.get_name());
        let name = name.trim();
        if !inner.has_subcommands() || inner.get_after_help().is_some() {
            found.push(name.to_owned());
        }
        found.extend(names(name, inner));
    }
    found
}

/// The text of the backticks in a cell, without remarks in brackets.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    let parts = cell.split('(');
    let parts = parts.map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    parts.flat_map(|part| part.split('`').skip(1).step_by(2))
}

/// The documented fields of the objects of each command: those that are always there, and those
/// that may be there.
fn documented() -> BTreeMap<&'static str, (BTreeSet<&'static str>, BTreeSet<&'static str>)> {
    let guide = include_str!("../../../docs/operate.md");
    let (_, section) = guide.split_once("\n### JSON\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let mut fields = BTreeMap::new();
    for row in rows {
        let mut cells = row.trim_matches('|').split(" | ");
        let commands = quoted(cells.next().unwrap());
        let cell = cells.next().unwrap();
        let (always, sometimes) = cell.split_once(';').unwrap_or((cell, ""));
        for command in commands {
            let known = (quoted(always).collect(), quoted(sometimes).collect());
            assert!(fields.insert(command, known).is_none(), "{command} twice");
        }
    }
    fields
}

/// Runs a command with `--json`, and compares the fields of each object with the document.
fn check(place: &Place, name: &str, arguments: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = name.split(' ').collect();
    let mut command = program(place.folder(), &[&words[..], arguments].concat());
    command.env("DATABASE_URL", place.url_text());
    command.env("BIENVENUE_BCRYPT_COST", "4");
    let input = fs::File::open(place.path("password")).unwrap();
    let output = command.arg("--json").stdin(Stdio::from(input)).output();
    let output = output.unwrap();
    let said = format!("{name}: {}", told(&output));
    let is_fine = output.status.success() || name == "doctor";
    assert!(is_fine, "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (always, sometimes) = &documented()[name];
    let mut objects = Vec::new();
    for line in text.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{name}: {text}"));
        let fields: BTreeSet<&str> = object
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let unknown: Vec<_> = fields.difference(&(always | sometimes)).copied().collect();
        assert_eq!(unknown, [""; 0], "{name}: {text}");
        let missing: Vec<_> = always.difference(&fields).copied().collect();
        assert_eq!(missing, [""; 0], "{name}: {text}");
        objects.push(object);
    }
    objects
}

#[rstest]
fn each_command_prints_the_documented_json(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    fs::write(place.path("password"), "a_new_password\n").unwrap();
    fs::write(place.path("key"), format!("{}\n", "ab".repeat(32))).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(place.path("key"), private).unwrap();
    let mut migrate = program(place.folder(), &["db", "migrate"]);
    migrate.env("DATABASE_URL", place.url_text());
    assert!(migrate.status().unwrap().success());
    // Lists that are empty otherwise.
    place.sql(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until) \
         VALUES (NULL, 'password_reset', 0, 0, 3, 0)",
    );
    let may_be_empty = ["session list", "throttle list"];
    for (name, arguments) in COMMANDS {
        let objects = check(&place, name, arguments);
        let is_empty = objects.is_empty();
        assert!(!is_empty || may_be_empty.contains(&name), "{name}");
        if name == "group add" && !objects[0]["event"].is_null() {
            assert_eq!(objects[0]["event"], "group_member_added");
        }
        if name == "invite" {
            assert_eq!(
                (&objects[0]["sent"], &objects[0]["valid_seconds"]),
                (&true.into(), &172_800.into())
            );
        }
    }
    if engine == Engine::Sqlite {
        for (name, arguments) in BESIDE {
            if name == "backup restore" {
                for ending in ["", "-wal", "-shm"] {
                    let _left = fs::remove_file(place.path(&format!("bienvenue.db{ending}")));
                }
            }
            assert!(!check(&place, name, arguments).is_empty(), "{name}");
        }
    }
}

#[test]
fn every_command_that_prints_data_has_json() {
    let covered: BTreeSet<&str> = COMMANDS
        .iter()
        .chain(&BESIDE)
        .map(|(name, _)| *name)
        .chain(WITHOUT_DATA)
        .collect();
    let all = names("", &Cli::command());
    let known: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    let groups = ["db", "backup", "config"];
    let missing: Vec<_> = known
        .difference(&covered)
        .filter(|name| !groups.contains(name))
        .collect();
    assert_eq!(missing, [&""; 0], "no test of their JSON");
    let documented = documented();
    let stale: Vec<_> = documented
        .keys()
        .filter(|name| !known.contains(*name))
        .collect();
    assert_eq!(stale, [&""; 0], "documented, but no commands");
}
