//! The service of an online copy is killed, or the schema changes: one database is in charge, and nothing that was
//! acknowledged is lost.

use super::both;
use super::command;
use super::online::{online, serve, waiting_copy};
use crate::support::Engine;
use crate::support::program::{finish, told};

#[test]
fn service_killed_during_a_copy_goes_on_recording() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    let mut server = serve(&from);
    let (mut lock, running) = waiting_copy(&from, &to);
    let mut acknowledged = vec!["kim".to_owned()];
    for round in 0..2 {
        for number in 0..5 {
            let email = format!("u{round}.{number}@x.org");
            assert_eq!(server.register(&email, "a password"), 201);
            acknowledged.push(email);
        }
        server.kill();
        server = serve(&from);
    }
    lock.execute("COMMIT");
    let copied = running.wait_with_output().unwrap();
    assert!(copied.status.success(), "{}", told(&copied));
    let emails = "SELECT email_key AS value FROM users ORDER BY email_key";
    acknowledged.sort();
    assert_eq!(to.texts(emails), acknowledged);
    server.wait_for("was moved to");
    assert_eq!(server.register("after@x.org", "a password"), 201);
    assert_eq!(to.texts(emails).len(), acknowledged.len() + 1);
}

#[test]
fn killed_copy_leaves_nothing_in_its_source() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    let left = || {
        from.texts(
            "SELECT name AS value FROM sqlite_master WHERE name LIKE 'copied\\_%' ESCAPE '\\'",
        )
        .len()
    };
    let (_lock, mut running) = waiting_copy(&from, &to);
    assert!(left() > 27 * 3);
    // Another command leaves what a running copy needs.
    assert!(finish(command(&from, &["db", "status"])).status.success());
    assert!(left() > 27 * 3);
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(finish(command(&from, &["db", "status"])).status.success());
    assert_eq!(left(), 0);
    assert!(!from.path("bienvenue.db.moved").exists());
}

#[test]
fn schema_changed_during_a_copy_undoes_it() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    let (mut lock, running) = waiting_copy(&from, &to);
    // As a migration does that builds a table again.
    from.sql("PRAGMA foreign_keys=ON; DROP TRIGGER copied_changes_users_delete; DELETE FROM users");
    lock.execute("COMMIT");
    let refused = running.wait_with_output().unwrap();
    assert!(!refused.status.success());
    let list = ["user", "list", "--limit", "1"];
    assert!(finish(command(&from, &list)).status.success());
    assert_eq!(finish(command(&to, &list)).status.code(), Some(78));
    assert_eq!(
        from.texts("SELECT state AS value FROM copy_marks"),
        ["copying"]
    );
    let copied = finish(online(&from, &to));
    assert!(copied.status.success(), "{}", told(&copied));
    assert!(to.texts("SELECT email AS value FROM users").is_empty());
}

#[test]
fn complete_copy_of_another_source_is_not_emptied() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    for place in [&from, &to] {
        assert!(finish(command(place, &["db", "migrate"])).status.success());
    }
    to.sql(
        "INSERT INTO users (id, email, email_key, hashed_password) VALUES (5, 'eve', 'eve', '!');
         INSERT INTO copy_marks (id, copy_id, state, other_url, marked_at)
             VALUES (1, 'c', 'complete', 'sqlite:///b.db', 1)",
    );
    for arguments in [&["db", "copy", "--online"][..], &["db", "copy"]] {
        let target = to.url_text();
        let arguments = [arguments, &["--to", &target]].concat();
        let refused = finish(command(&from, &arguments));
        assert!(
            told(&refused).contains("is an unfinished copy of"),
            "{}",
            told(&refused)
        );
        assert_eq!(to.texts("SELECT email AS value FROM users"), ["eve"]);
    }
}
