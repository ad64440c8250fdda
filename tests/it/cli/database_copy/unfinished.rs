//! A target without all rows is not used: by a service, by a command, by another copy.

use std::process::{Child, Stdio};

use rstest::rstest;

use super::{ROWS, both, command, copy};
use crate::support::program::{Server, finish, told};
use crate::support::{Engine, Place, eventually};

/// The connections that wait for a lock in this database. Other tests share the server.
const WAITING: &str = "SELECT pid::text AS value FROM pg_locks
    JOIN pg_database ON pg_database.oid = database
    WHERE datname = current_database() AND NOT granted";

/// Begins a copy that waits, when it has marked the target, until the lock is given back.
fn waiting_copy(from: &Place, to: &Place) -> (crate::support::Other, Child) {
    let mut lock = from.connect();
    lock.execute("BEGIN; LOCK TABLE verified_emails IN ACCESS EXCLUSIVE MODE");
    let mut copy = command(from, &["db", "copy", "--to", &to.url_text()]);
    let copy = copy.stdout(Stdio::piped()).stderr(Stdio::piped());
    let copy = copy.spawn().unwrap();
    eventually("the copy waits for the table", || {
        from.texts(WAITING).len() == 1
    });
    (lock, copy)
}

fn serve(place: &Place) -> std::process::Command {
    command(place, &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"])
}

#[rstest]
#[case(Engine::Postgres)]
#[case(Engine::Sqlite)]
fn service_does_not_start_on_the_target_of_a_copy(#[case] engine: Engine) {
    let Some((from, to)) = both(Engine::Postgres, engine) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    let (mut lock, mut running) = waiting_copy(&from, &to);
    let refused = finish(serve(&to));
    // The copy holds the lock of a SQLite file, and its mark is on the server.
    let (code, sentence) = match engine {
        Engine::Sqlite => (1, "is in use by another process"),
        Engine::Postgres => (78, "this database is an unfinished copy of"),
    };
    assert_eq!(refused.status.code(), Some(code), "{}", told(&refused));
    let user = finish(command(&to, &["user", "add", "eve@x.fr"]));
    assert!(told(&user).contains(sentence), "{}", told(&user));
    // Killed: the target stays refused, with the remedy, until it is copied again.
    running.kill().unwrap();
    running.wait().unwrap();
    lock.execute("ROLLBACK");
    let refused = finish(serve(&to));
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
    let source = from.url().to_string();
    let sentence = format!("this database is an unfinished copy of {source}");
    assert!(told(&refused).contains(&sentence), "{}", told(&refused));
    assert!(
        told(&refused).contains("`bienvenue db copy`"),
        "{}",
        told(&refused)
    );
    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{}", told(&copied));
    let mut server = Server::spawn(serve(&to));
    server.wait_for("found, schema current");
}

#[test]
fn rows_of_an_interrupted_copy_are_replaced() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    for place in [&from, &to] {
        assert!(finish(command(place, &["db", "migrate"])).status.success());
    }
    from.sql(ROWS);
    to.sql(
        "INSERT INTO users (id, email, email_key, hashed_password) VALUES (5, 'eve', 'eve', '!');
         INSERT INTO copy_marks (id, copy_id, state, other_url, marked_at)
             VALUES (1, 'c', 'unfinished', 'sqlite:///b.db', 1)",
    );
    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{}", told(&copied));
    let emails = "SELECT email_key AS value FROM users ORDER BY id";
    assert_eq!(to.texts(emails), ["ann", "bob"]);
    assert!(to.texts("SELECT state AS value FROM copy_marks").is_empty());
}

#[test]
fn mark_of_an_unknown_state_is_refused() {
    let place = Place::new();
    assert!(finish(command(&place, &["db", "migrate"])).status.success());
    place.sql(
        "INSERT INTO copy_marks (id, copy_id, state, other_url, marked_at)
             VALUES (1, 'c', 'of the future', 'sqlite:///b.db', 1)",
    );
    let refused = finish(serve(&place));
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
}

#[test]
fn refused_copy_leaves_no_mark_on_the_target() {
    let Some((from, to)) = both(Engine::Postgres, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    // A service that starts on the source during the copy: its writes would be missing.
    let (mut lock, running) = waiting_copy(&from, &to);
    let server = Server::spawn(serve(&from));
    lock.execute("ROLLBACK");
    let refused = running.wait_with_output().unwrap();
    assert!(!refused.status.success());
    assert!(
        told(&refused).contains("stop it first"),
        "{}",
        told(&refused)
    );
    drop(server);
    let marks = "SELECT state AS value FROM copy_marks";
    assert!(to.texts(marks).is_empty());
    assert!(to.texts("SELECT email AS value FROM users").is_empty());
    assert!(copy(&from, &to).status.success());
}

#[test]
fn target_is_marked_as_soon_as_it_has_tables() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    // The copy waits for the end of this connection, which looks like that of a service.
    let mut service = to.connect();
    service.execute("SET application_name = 'bienvenue'");
    let mut running = command(&from, &["db", "copy", "--to", &to.url_text()]);
    let running = running.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = running.spawn().unwrap();
    let tables = "SELECT relname::text AS value FROM pg_class WHERE relname = 'users'";
    eventually("the target has tables", || !to.texts(tables).is_empty());
    let states = to.texts("SELECT state AS value FROM copy_marks");
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(states, ["unfinished"]);
    let refused = finish(command(&to, &["user", "add", "eve@x.fr"]));
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
    drop(service);
    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{}", told(&copied));
}
