//! An online copy, its service or the schema fails: one database is in charge, and nothing that was
//! acknowledged is lost.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::RngExt;
use proptest::test_runner::TestRng;

use super::both;
use super::command;
use super::online::{online, serve, waiting_copy};
use crate::support::harness::Load;
use crate::support::program::{finish, told};
use crate::support::{Engine, Place, eventually};

/// Which of the two databases a command may use. A target that is not marked yet has no users: it
/// is as it was before the copy.
fn usable([from, to]: [&Place; 2]) -> [bool; 2] {
    let is_usable = |place| {
        finish(command(place, &["user", "list", "--limit", "1"]))
            .status
            .success()
    };
    let users = "SELECT email AS value FROM users LIMIT 1";
    [
        is_usable(from),
        is_usable(to) && !to.texts(users).is_empty(),
    ]
}

fn in_charge(places: [&Place; 2]) -> usize {
    let usable = usable(places);
    usable.into_iter().filter(|usable| *usable).count()
}

/// Kills this number of copies at random moments. Each time exactly one database is in
/// charge; what was acknowledged is in the one that is in charge at the end.
fn kill_copies(kills: u32) {
    let mut random = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let (mut killed, mut moved) = (0, 0);
    while killed < kills {
        let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
            return;
        };
        let server = serve(&from);
        let load = Load::start(2, &[&server]);
        let mut length = Duration::from_millis(600);
        loop {
            let mut copy = online(&from, &to);
            let mut copy = copy
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            let moment = length.mul_f64(random.random_range(0.0..1.1));
            while begun.elapsed() < moment && copy.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            if copy.try_wait().unwrap().is_some() {
                length = begun.elapsed();
            } else {
                killed += 1;
                copy.kill().unwrap();
            }
            copy.wait().unwrap();
            // The service may be changing to the new database.
            let deadline = Instant::now() + Duration::from_secs(10);
            loop {
                let usable = usable([&from, &to]);
                if usable[0] != usable[1] {
                    break;
                }
                let told = told(&finish(command(&to, &["user", "list", "--limit", "1"])));
                assert!(Instant::now() < deadline, "{moment:?}: {usable:?} {told}");
            }
            let marks = from.texts("SELECT state AS value FROM copy_marks WHERE state = 'moved'");
            if !marks.is_empty() {
                moved += 1;
                break;
            }
            if killed >= kills {
                let copied = finish(online(&from, &to));
                assert!(copied.status.success(), "{}", told(&copied));
                break;
            }
        }
        eventually("the target is in charge", || {
            finish(command(&to, &["user", "list", "--limit", "1"]))
                .status
                .success()
        });
        load.finish().check("killed copies", &to.url_text());
    }
    println!("online copy: {killed} kills, of which the last of {moved} databases had moved");
}

#[test]
fn copy_killed_at_some_moments_leaves_one_in_charge() {
    kill_copies(4);
}

#[test]
#[ignore = "long"]
fn copy_killed_at_fifty_moments_leaves_one_in_charge() {
    kill_copies(50);
}

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
    assert_eq!(in_charge([&from, &to]), 1);
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
