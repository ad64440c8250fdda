//! `bienvenue db copy`: from one engine to the other and back.

mod content;
mod differences;
mod kills;
mod online;
mod online_faults;
mod unfinished;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rstest::rstest;

use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, Place};

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    command
}

fn copy(from: &Place, to: &Place) -> Output {
    finish(command(from, &["db", "copy", "--to", &to.url_text()]))
}

fn both(from: Engine, to: Engine) -> Option<(Place, Place)> {
    Some((Place::on(from)?, Place::on(to)?))
}

/// A row in every table of the schema, with texts and bytes that are hard to carry.
const ROWS: &str = "
    INSERT INTO users (id, email, email_key, hashed_password) VALUES
        (1, 'Ann \"quoted\" \\ é@x.fr', 'ann', '$2b$'), (9, 'bob@x.fr', 'bob', '!');
    INSERT INTO account_dates (user_id, created_at) VALUES (1, 5);
    INSERT INTO groups (name) VALUES ('staff');
    INSERT INTO group_members (user_id, group_name) VALUES (1, 'staff');
    INSERT INTO apps (name, origin) VALUES ('wiki', 'https://wiki.x.fr');
    INSERT INTO app_groups (app_name, group_name) VALUES ('wiki', 'staff');
    INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ('k', 3, 4, 5);
    INSERT INTO foreign_hashes (parameters) VALUES ('p');
    INSERT INTO known_clients (user_id, mark, succeeded_at, expires_at) VALUES (1, 'm', 2, 3);
    INSERT INTO verified_emails (user_id, email_key, verified_at) VALUES (1, 'ann', 9);
    INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until, has_token, priority)
        VALUES (1, '{\"a\": null}', 1, 2, 0, 0, 0, 1);
    INSERT INTO email_tokens (digest, user_id, purpose, created_at, expires_at)
        VALUES ('d', 1, 'verify', 1, 2);
";

/// The names of the tables that are copied, as the database has them.
fn tables(place: &Place) -> Vec<String> {
    place.texts(
        "SELECT name AS value FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' \
         AND name <> 'copy_marks' ORDER BY name",
    )
}

#[rstest]
#[case(Engine::Sqlite, Engine::Postgres)]
#[case(Engine::Postgres, Engine::Sqlite)]
#[case(Engine::Sqlite, Engine::Sqlite)]
fn copy_carries_every_row_and_the_counters(#[case] from: Engine, #[case] to: Engine) {
    let Some((from, to)) = both(from, to) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    // The ids 1 to 9 were given; the last user has been deleted.
    let counter = "SELECT CAST(max(id) AS TEXT) AS value FROM users";
    from.sql("INSERT INTO groups (name) VALUES ('Zebra'), ('ähnlich')");
    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{}", told(&copied));
    let said = String::from_utf8(copied.stdout).unwrap();
    assert!(said.starts_with("copied 2 users, 15 rows of "), "{said}");
    assert_eq!(to.texts(counter), ["9"]);
    for column in ["email", "email_key", "hashed_password"] {
        let all = format!("SELECT {column} AS value FROM users ORDER BY id");
        assert_eq!(from.texts(&all), to.texts(&all));
    }
    let mail = "SELECT letter AS value FROM outbox";
    assert_eq!(from.texts(mail), to.texts(mail));
    let refused = copy(&from, &to);
    assert!(!refused.status.success());
    assert!(
        told(&refused).contains("is not empty: its table"),
        "{}",
        told(&refused)
    );
    // A service on the copy goes on where the old one stopped.
    let added = finish(command(&to, &["user", "add", "eve@x.fr"]));
    assert!(added.status.success(), "{}", told(&added));
    let id = to.texts("SELECT CAST(id AS TEXT) AS value FROM users WHERE email = 'eve@x.fr'");
    assert!(id[0].parse::<u32>().unwrap() >= 2, "{id:?}");
}

#[test]
fn counter_of_deleted_ids_travels() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    from.sql("DELETE FROM users WHERE id = 9");
    assert!(copy(&from, &to).status.success());
    assert!(
        finish(command(&to, &["user", "add", "eve@x.fr"]))
            .status
            .success()
    );
    let id = to.texts("SELECT CAST(id AS TEXT) AS value FROM users WHERE email = 'eve@x.fr'");
    assert_eq!(id, ["10"]);
    let back = Place::new();
    let copied = copy(&to, &back);
    assert!(copied.status.success(), "{}", told(&copied));
    assert!(
        finish(command(&back, &["user", "delete", "eve@x.fr", "--yes"]))
            .status
            .success()
            || finish(command(&back, &["user", "delete", "eve@x.fr"]))
                .status
                .success()
    );
    assert!(
        finish(command(&back, &["user", "add", "mia@x.fr"]))
            .status
            .success()
    );
    let id = back.texts("SELECT CAST(id AS TEXT) AS value FROM users WHERE email = 'mia@x.fr'");
    assert_eq!(id, ["11"]);
}

#[test]
fn every_table_of_the_schema_is_copied() {
    let (from, to) = both(Engine::Sqlite, Engine::Sqlite).unwrap();
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    let tables = tables(&from);
    let copied = copy(&from, &to);
    let said = String::from_utf8(copied.stdout).unwrap();
    assert!(
        said.contains(&format!(" of {} tables", tables.len())),
        "{said}"
    );
}

#[test]
fn copy_of_a_served_database_is_refused() {
    let (from, to) = both(Engine::Sqlite, Engine::Sqlite).unwrap();
    let server = Server::start(&from);
    let refused = copy(&from, &to);
    assert!(!refused.status.success());
    assert!(
        told(&refused).contains("stop it first"),
        "{}",
        told(&refused)
    );
    drop(server);
    let same = copy(&from, &from);
    assert!(told(&same).contains("same database"), "{}", told(&same));
    assert!(copy(&from, &to).status.success());
}

#[test]
fn copy_of_a_served_postgres_database_is_refused() {
    let Some((from, to)) = both(Engine::Postgres, Engine::Sqlite) else {
        return;
    };
    let mut serve = command(&from, &["--bind", "127.0.0.1:0"]);
    serve.env("BIENVENUE_BCRYPT_COST", "4");
    let server = Server::spawn(serve);
    let refused = copy(&from, &to);
    assert!(!refused.status.success());
    assert!(
        told(&refused).contains("stop it first"),
        "{}",
        told(&refused)
    );
    drop(server);
}

#[rstest]
#[case(Engine::Sqlite, Engine::Postgres)]
#[case(Engine::Postgres, Engine::Sqlite)]
fn killed_copy_leaves_an_empty_target(#[case] from: Engine, #[case] to: Engine) {
    let Some((from, to)) = both(from, to) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO users (email, email_key, hashed_password) SELECT 'u' || i, 'u' || i, '!' FROM n";
    from.sql(many);
    let users = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM users";
    assert!(finish(command(&to, &["db", "migrate"])).status.success());
    let mut kills = 0;
    for round in 1..4 {
        let mut copy = command(&from, &["db", "copy", "--to", &to.url_text()]);
        let mut copy = copy
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(120 * round));
        if copy.try_wait().unwrap().is_some() {
            break;
        }
        kills += 1;
        copy.kill().unwrap();
        copy.wait().unwrap();
        let left = to.texts(users);
        assert!(left == ["0"] || left == ["20000"], "{left:?}");
        if left == ["20000"] {
            break;
        }
    }
    assert!(kills > 0, "no copy was killed");
    if to.texts(users) == ["0"] {
        // The server may still roll the killed copy back.
        let copied = copy(&from, &to);
        assert!(copied.status.success(), "{}", told(&copied));
    }
    assert_eq!(to.texts(users), ["20000"]);
}
