//! `bienvenue db copy --online`: a service moves to PostgreSQL while it runs.

use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use reqwest::blocking::Client;

use super::content::{self, rows};
use super::{both, command, copy, tables};
use crate::support::harness::Load;
use crate::support::manager::{listening, with_socket};
use crate::support::program::{Server, finish, told};
use crate::support::{Engine, Other, Place, eventually};

/// A service on a SQLite file whose socket stays when it changes to another database.
pub(super) fn serve(place: &Place) -> Server {
    let (listener, _) = listening();
    Server::spawn(with_socket(
        &command(place, &["--bcrypt-cost", "4"]),
        listener,
    ))
}

pub(super) fn online(from: &Place, to: &Place) -> Command {
    command(from, &["db", "copy", "--online", "--to", &to.url_text()])
}

/// Begins a copy that waits in its snapshot until the lock on the target is given back.
pub(super) fn waiting_copy(from: &Place, to: &Place) -> (Other, Child) {
    assert!(finish(command(to, &["db", "migrate"])).status.success());
    from.sql(
        "INSERT INTO users (email, email_key, hashed_password) VALUES ('kim', 'kim', '!');
         INSERT INTO verified_emails (user_id, email_key, verified_at)
             SELECT id, 'kim', 1 FROM users WHERE email_key = 'kim'",
    );
    let mut lock = to.connect();
    lock.execute("BEGIN; LOCK TABLE verified_emails IN SHARE MODE");
    let mut copy = online(from, to);
    let copy = copy.stdout(Stdio::piped()).stderr(Stdio::piped());
    let copy = copy.spawn().unwrap();
    eventually("the copy waits for the table", || {
        !to.texts(
            "SELECT pid::text AS value FROM pg_locks JOIN pg_database ON pg_database.oid = database
                 WHERE datname = current_database() AND NOT granted AND relation IS NOT NULL",
        )
        .is_empty()
    });
    (lock, copy)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Reads a time, since the time is the requirement: writers are held for less than a second.
#[test]
fn service_moves_under_load_and_nothing_is_lost() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    // Its own listener stays open too: no client is refused.
    let mut server = Server::start(&from);
    let load = Load::start(4, &[&server]);
    let copied = text(&finish(online(&from, &to)));
    server.wait_for("found, schema current");
    thread::sleep(Duration::from_millis(500));
    let report = load.finish();
    println!("online: {copied}");
    let held = copied.split("held for ").nth(1).unwrap();
    let held: f64 = held.split(' ').next().unwrap().parse().unwrap();
    assert!(held < 1.0, "{copied}");
    report.check("online copy", &to.url_text());
    // Requests after the move are in the new database only.
    let users = "SELECT CAST(count(*) AS TEXT) AS value FROM users";
    let [before, after] = [&from, &to].map(|place| place.texts(users)[0].parse::<u32>().unwrap());
    assert!(after > before, "{before} users, then {after}");
}

#[test]
fn changes_of_every_table_during_a_copy_travel() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(
        "INSERT INTO users (id, email, email_key, hashed_password) VALUES
             (20, 'x', 'x', '!'), (21, 'y', 'y', '!'), (22, 'z', 'z', '!');
         INSERT INTO known_clients (user_id, mark, succeeded_at, expires_at) VALUES (22, 'm', 2, 3);
         INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ('old', 3, 4, 5)",
    );
    let (mut lock, running) = waiting_copy(&from, &to);
    let mut source = from.connect();
    source.execute("PRAGMA foreign_keys=ON");
    source.execute(content::ROWS);
    // Two addresses change hands, an account goes with what belongs to it, a key changes.
    source.execute(
        "UPDATE users SET email_key = 'free' WHERE id = 20;
         UPDATE users SET email_key = 'x' WHERE id = 21;
         UPDATE users SET email_key = 'y' WHERE id = 20;
         DELETE FROM users WHERE id = 22;
         UPDATE throttle SET key = 'new', fails = 4 WHERE key = 'old';
         INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ('new', 1, 1, 1)
             ON CONFLICT (key) DO UPDATE SET fails = fails + 1",
    );
    lock.execute("COMMIT");
    let copied = text(&running.wait_with_output().unwrap());
    assert!(copied.contains(" later changes"), "{copied}");
    let back = Place::new();
    to.sql("DELETE FROM audit_events WHERE event = 'database_copied'");
    to.sql("UPDATE audit_chain SET digest = decode('aa', 'hex'), position = 1");
    assert!(copy(&to, &back).status.success());
    back.sql("DELETE FROM audit_events WHERE event = 'database_copied'");
    for table in tables(&from) {
        let expected = rows(&from, &table);
        assert!(!expected.is_empty(), "{table}");
        if table != "audit_chain" {
            assert_eq!(rows(&back, &table), expected, "{table}");
        }
    }
    // The ids of deleted users are not given again.
    let added = finish(command(&back, &["user", "add", "eve@x.fr"]));
    assert!(added.status.success(), "{}", told(&added));
    let id = "SELECT CAST(max(id) AS TEXT) AS value FROM users";
    assert_eq!(back.texts(id), ["24"]);
}

#[test]
fn source_of_a_move_refuses_changes_and_leads_to_the_target() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    let mut server = serve(&from);
    assert_eq!(server.register("ann@x.fr", "a password"), 201);
    let session = server.session("ann@x.fr", "a password");
    let copied = finish(online(&from, &to));
    text(&copied);
    // Without a request, the service has noticed.
    assert!(told(&copied).contains("is in charge"), "{}", told(&copied));
    server.wait_for("was moved to");
    assert_eq!(server.profile(&session), 200);
    let target = to.url().to_string();
    let moved = format!("this database was moved to {target}");
    for arguments in [&["user", "add", "eve@x.fr"][..], &["db", "status"]] {
        let refused = finish(command(&from, arguments));
        assert_eq!(refused.status.code(), Some(78), "{arguments:?}");
        assert!(told(&refused).contains(&moved), "{}", told(&refused));
    }
    let again = finish(online(&from, &to));
    assert!(told(&again).contains(&moved), "{}", told(&again));
    // Another program, such as an older version, cannot write either.
    let file = from.path("bienvenue.db");
    for sql in ["DELETE FROM users", "UPDATE users SET email = 'x'"] {
        let shell = Command::new("sqlite3").arg(&file).arg(sql).output();
        let Ok(shell) = shell else { continue };
        assert!(
            told(&shell).contains("the database was moved"),
            "{}",
            told(&shell)
        );
    }
    let mode = std::fs::metadata(from.path("bienvenue.db.moved")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
        0o600
    );
    drop(server);
    // A start with the old URL uses the new database.
    let mut server = serve(&from);
    server.wait_for("was moved to");
    assert_eq!(server.profile(&session), 200);
    std::fs::remove_file(from.path("bienvenue.db.moved")).unwrap();
    drop(server);
    let refused = finish(command(&from, &["--bind", "127.0.0.1:0"]));
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
    let events = "SELECT event AS value FROM audit_events WHERE event = 'database_copied'";
    assert_eq!(to.texts(events).len(), 1);
}

#[test]
fn password_changed_during_a_copy_is_that_of_the_target() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    let mut server = serve(&from);
    for email in ["ann@x.fr", "bob@x.fr"] {
        assert_eq!(server.register(email, "a password"), 201);
    }
    let session = server.session("ann@x.fr", "a password");
    let (mut lock, running) = waiting_copy(&from, &to);
    let change = Client::new().put(server.url("/profile/password"));
    let form = [
        ("current_password", "a password"),
        ("new_password", "another password"),
    ];
    let changed = change.header("Cookie", &session).form(&form).send();
    assert_eq!(changed.unwrap().status(), 200);
    lock.execute("COMMIT");
    text(&running.wait_with_output().unwrap());
    server.wait_for("was moved to");
    assert_eq!(server.log_in("ann@x.fr", "another password"), 200);
    assert_eq!(server.log_in("ann@x.fr", "a password"), 401);
    assert_eq!(server.log_in("bob@x.fr", "a password"), 200);
    assert_eq!(server.profile(&session), 403);
}

#[test]
fn target_of_a_running_move_is_refused_and_one_runs_at_a_time() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    let server = serve(&from);
    let (mut lock, running) = waiting_copy(&from, &to);
    for arguments in [&["user", "list"][..], &["--bind", "127.0.0.1:0"]] {
        let refused = finish(command(&to, arguments));
        assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
        assert!(
            told(&refused).contains("is an unfinished copy of"),
            "{}",
            told(&refused)
        );
    }
    let second = finish(online(&from, &to));
    assert!(
        told(&second).contains("in use by another process"),
        "{}",
        told(&second)
    );
    // The service works on, and so do commands on its database.
    assert_eq!(server.register("ann@x.fr", "a password"), 201);
    let added = finish(command(&from, &["user", "add", "eve@x.fr"]));
    assert!(added.status.success(), "{}", told(&added));
    lock.execute("COMMIT");
    text(&running.wait_with_output().unwrap());
    let emails = "SELECT email_key AS value FROM users ORDER BY email_key";
    assert_eq!(to.texts(emails), ["ann@x.fr", "eve@x.fr", "kim"]);
}

#[test]
fn online_copy_from_postgres_is_refused() {
    let Some((from, to)) = both(Engine::Postgres, Engine::Sqlite) else {
        return;
    };
    for (from, to) in [(&from, &to), (&to, &Place::new())] {
        let refused = finish(online(from, to));
        assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
        assert!(
            told(&refused).contains("to PostgreSQL only"),
            "{}",
            told(&refused)
        );
    }
}
