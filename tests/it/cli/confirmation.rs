//! Commands that delete something, or end something for all users, ask before they do it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::program::{program, run, told};
use crate::support::{Place, has_tool};

const BOB: &str = "bob@dylan.com";

/// The commands, and the table whose one row each removes.
const COMMANDS: [(&[&str], &str); 6] = [
    (&["throttle", "clear", "--all"], "throttle"),
    (&["session", "revoke", "--all"], "sessions"),
    (&["user", "reset-second-factor", "--all"], "totp"),
    (&["app", "remove", "wiki"], "apps"),
    (&["group", "delete", "staff"], "groups"),
    (&["user", "delete", BOB], "users"),
];

/// A place with one of everything.
fn place() -> Place {
    let place = Place::new();
    for arguments in [
        &["db", "migrate"][..],
        &["user", "add", BOB],
        &["group", "create", "staff"],
        &["app", "add", "wiki", "https://wiki.example.org"],
    ] {
        let output = run(place.folder(), arguments);
        assert!(output.status.success(), "{}", told(&output));
    }
    place.sql(
        "INSERT INTO sessions (digest, public_id, user_id, email, created_at, last_seen_at, \
             expires_at, cleanup_at) VALUES (x'00', x'00112233445566778899aabbccddeeff', 1, \
             'bob@dylan.com', 4000000000, 4000000000, 4000000000, 4000000000);
         INSERT INTO totp (user_id, secret, created_at, confirmed_at, last_step)
             VALUES (1, x'00', 1, 1, 0);
         INSERT INTO throttle (key, fails, next_at, purge_at)
             VALUES ('logins:x', 1, 4000000000, 4000000000);",
    );
    place
}

fn rows(place: &Place, table: &str) -> usize {
    let texts = place.texts(&format!("SELECT '' AS value FROM {table}"));
    texts.len()
}

fn with_input(mut command: Command, input: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn deletions_need_a_terminal_or_yes() {
    let place = place();
    for (arguments, table) in COMMANDS {
        assert_eq!(rows(&place, table), 1, "{table}");
        let refused = run(place.folder(), arguments);
        assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
        assert!(told(&refused).contains("--yes"), "{}", told(&refused));
        let piped = with_input(program(place.folder(), arguments), "y\n");
        assert_eq!(piped.status.code(), Some(4), "a pipe confirms nothing");
        assert_eq!(rows(&place, table), 1, "{arguments:?}");
        let done = run(place.folder(), &[arguments, &["--yes"]].concat());
        assert!(done.status.success(), "{}", told(&done));
        assert_eq!(rows(&place, table), 0, "{arguments:?}");
    }
}

#[test]
fn deletion_is_confirmed_at_a_terminal() {
    if !has_tool("script") {
        return;
    }
    let place = place();
    let answer = |text: &str| {
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
            .args(["--quiet", "--return", "--echo", "never", "--command"])
            .arg(format!("{service} group delete staff"))
            .arg("/dev/null")
            .current_dir(place.folder());
        let output = with_input(command, text);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("Delete the group staff"), "{shown}");
        (output.status.code(), rows(&place, "groups"))
    };
    assert_eq!(answer("\n"), (Some(4), 1));
    assert_eq!(answer("n\n"), (Some(4), 1));
    assert_eq!(answer("y\n"), (Some(0), 0));
}

#[test]
fn what_does_not_exist_is_not_asked_about() {
    let place = place();
    for arguments in [
        ["group", "delete", "none"],
        ["app", "remove", "none"],
        ["user", "delete", "eve@dylan.com"],
    ] {
        let output = run(place.folder(), &arguments);
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    }
}
