//! The progress of long commands, on a terminal only.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::program::{program, run, told};
use crate::support::{Place, has_tool};

/// Runs a command at a terminal, and returns all that it shows.
fn at_a_terminal(place: &Place, arguments: &str) -> String {
    let clean = program(place.folder(), &[]);
    let service = clean.get_program().to_str().unwrap().to_owned();
    let mut command = Command::new("script");
    for (name, value) in clean.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{service} {arguments}"))
        .arg("/dev/null")
        .env("TERM", "xterm")
        .current_dir(place.folder());
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    shown
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    if !has_tool("script") {
        return;
    }
    let place = Place::new();
    let migrated = run(place.folder(), &["db", "migrate"]);
    assert!(migrated.status.success(), "{}", told(&migrated));
    let mut users = "email\n".to_owned();
    for number in 0..2000 {
        writeln!(users, "u{number}@x.fr").unwrap();
    }
    fs::write(place.path("users.csv"), users).unwrap();
    fs::write(place.path("key"), format!("{}\n", "ab".repeat(32))).unwrap();
    fs::set_permissions(place.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    for arguments in [
        &["group", "create", "staff"][..],
        &["app", "add", "wiki", "https://wiki.example.org"],
    ] {
        let output = run(place.folder(), arguments);
        assert!(output.status.success(), "{}", told(&output));
    }
    for (arguments, progress) in [
        ("db migrate", "migrating the database"),
        ("import users.csv", " users, "),
        ("export --output users.jsonl", " users, "),
        ("user find u1999", " users, "),
        ("audit list --event none", " events, "),
        ("audit verify", " left"),
        ("db check", "checking every page"),
        ("backup create copy.db", "writing and checking the backup"),
        ("backup verify copy.db", "checking the backup"),
        (
            "backup restore copy.db --database-url sqlite://b.db",
            "checking and restoring",
        ),
        ("throttle clear --all --yes", "clearing rate limits"),
        ("session revoke --all --yes", "ending sessions"),
        ("app remove wiki --yes", "removing the application"),
        ("group delete staff --yes", "deleting the group"),
        (
            "keys rotate --secret-key-file key",
            "encrypting second factors",
        ),
    ] {
        let shown = at_a_terminal(&place, arguments);
        assert!(shown.contains(progress), "{arguments}: {shown}");
        assert!(
            shown.contains('\u{1b}'),
            "{arguments}: it is cleared: {shown}"
        );
    }
    for arguments in [
        &["import", "users.csv"][..],
        &["db", "check"],
        &["backup", "verify", "copy.db"],
    ] {
        let output = run(place.folder(), arguments);
        assert!(output.status.success(), "{}", told(&output));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        for text in [told(&output), printed] {
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
            assert!(!text.contains("checking"), "{text}");
        }
    }
}
