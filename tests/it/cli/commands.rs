//! The commands about users and their sessions.

use crate::support::Place;
use crate::support::program::{Server, run, told};

const BOB: &str = "bob@dylan.com";
const PASSWORD: &str = "a_pwd";

/// The output of a command that has to succeed.
fn output_of(place: &Place, arguments: &[&str]) -> String {
    let output = run(place.folder(), arguments);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn r31_operator_lists_and_ends_sessions_while_it_runs() {
    let place = Place::new();
    let server = Server::start(&place);
    for email in [BOB, "eve@dylan.com"] {
        assert_eq!(server.register(email, PASSWORD), 201);
    }
    let (bobs, eves) = (
        server.session(BOB, PASSWORD),
        server.session("eve@dylan.com", PASSWORD),
    );
    let list = output_of(&place, &["session", "list", "BOB@dylan.com"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("127.0.0.1"), "{list}");
    let id = bobs.split_once('=').unwrap().1;
    assert!(!list.contains(id), "the list opens no session");
    let database = format!("in sqlite://{}\n", place.path("bienvenue.db").display());
    let ended = output_of(&place, &["session", "revoke", BOB]);
    assert_eq!(ended, format!("ended 1 session of {BOB} {database}"));
    assert_eq!((server.profile(&bobs), server.profile(&eves)), (403, 200));
    server.session(BOB, PASSWORD);
    let ended = output_of(&place, &["session", "revoke", "--all", "--yes"]);
    assert_eq!(ended, format!("ended 2 sessions {database}"));
    assert_eq!(server.profile(&eves), 403);
    let mirrors = "SELECT session_id AS value FROM users WHERE session_id IS NOT NULL";
    assert_eq!(place.texts(mirrors), [""; 0]);
}

#[test]
fn an_operator_adds_lists_and_deletes_users() {
    let place = Place::new();
    let server = Server::start_with(&place, &["--registration=closed"]);
    assert_eq!(server.register(BOB, PASSWORD), 403);
    let added = output_of(&place, &["user", "add", BOB]);
    let database = format!("in sqlite://{}\n", place.path("bienvenue.db").display());
    assert_eq!(added, format!("added {BOB} as 1 {database}"));
    for password in ["!", "a_pwd"] {
        assert_eq!(server.log_in(BOB, password), 401, "has no password yet");
    }
    output_of(&place, &["user", "add", "eve@dylan.com"]);
    let list = output_of(&place, &["user", "list"]);
    let list: Vec<_> = list
        .lines()
        .map(|line| line.split('\t').take(2).collect::<Vec<_>>())
        .collect();
    assert_eq!(list, [["1", BOB], ["2", "eve@dylan.com"]]);
    let deleted = output_of(&place, &["user", "delete", "Bob@dylan.com", "--yes"]);
    assert_eq!(deleted, format!("deleted {BOB} (1) {database}"));
    let left = output_of(&place, &["user", "list"]);
    assert!(
        left.starts_with("2\teve@dylan.com\t") && left.lines().count() == 1,
        "{left}"
    );
}

#[test]
fn operator_marks_an_email_as_verified() {
    let place = Place::new();
    let server = Server::start_with(&place, &["--email-verification=required"]);
    assert_eq!(server.register(BOB, PASSWORD), 201);
    let refused = server.post("/sessions", BOB, PASSWORD);
    assert_eq!(refused.status(), 403);
    assert!(refused.text().unwrap().contains("email not verified"));
    let vouched = output_of(&place, &["user", "verify", "Bob@dylan.com"]);
    assert!(vouched.starts_with(&format!("{BOB} is verified in sqlite:///")));
    assert_eq!(server.log_in(BOB, PASSWORD), 200);
}

#[test]
fn command_names_an_unknown_user_and_creates_nothing() {
    let place = Place::new();
    drop(Server::start(&place));
    for (arguments, code, expected) in [
        (
            ["user", "delete", BOB],
            3,
            "no user has the email bob@dylan.com",
        ),
        (
            ["user", "verify", BOB],
            3,
            "no user has the email bob@dylan.com",
        ),
        (
            ["session", "list", BOB],
            3,
            "no user has the email bob@dylan.com",
        ),
        (["user", "add", "bob"], 2, "email needs a name"),
        (
            ["session", "revoke", "--database-url=sqlite://none.db"],
            2,
            "required",
        ),
        (
            ["user", "list", "--database-url=sqlite://none.db"],
            78,
            "none.db",
        ),
    ] {
        let output = run(place.folder(), &arguments);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains(expected), "{}", told(&output));
    }
    assert!(!place.path("none.db").exists());
    output_of(&place, &["user", "add", BOB]);
    let again = run(place.folder(), &["user", "add", BOB]);
    assert_eq!(again.status.code(), Some(4));
    assert!(told(&again).contains("already exists"), "{}", told(&again));
}
