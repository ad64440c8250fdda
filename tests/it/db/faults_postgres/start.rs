//! The start, the role, and what a lookup asks of the server.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::{DB, DbSettings, OpenError};

use crate::support::harness::{Stand, Visitor};
use crate::support::program::{Server, finish};

use super::*;

#[test]
fn start_waits_for_an_unreachable_server() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    stand.cluster.stop("fast");
    let begun = Instant::now();
    let command = stand.program(&stand.url(), &[]);
    let starting = thread::spawn(move || {
        let server = Server::spawn(command);
        (server, Instant::now())
    });
    thread::sleep(seconds(1));
    assert!(!starting.is_finished(), "it serves without a database");
    stand.cluster.start();
    let started = Instant::now();
    let (mut server, serving) = starting.join().unwrap();
    server.wait_for("waiting for postgres://");
    println!(
        "away at the start: {:.1} s, serving {:.2} s after the database",
        (started - begun).as_secs_f64(),
        serving.saturating_duration_since(started).as_secs_f64()
    );
    assert_eq!(Visitor::of(&[&server]).get("/readyz").status, 200);
    assert!(serving.saturating_duration_since(started) <= seconds(2));
}

#[test]
fn start_gives_up_on_an_unreachable_server_with_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://bob@/x?host={}", folder.path().display());
    let settings = DbSettings {
        server_wait: seconds(1),
        ..DbSettings::default()
    };
    let begun = Instant::now();
    let error = DB::open(&url.parse().unwrap(), settings).unwrap_err();
    let waited = begun.elapsed();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(!error.is_permanent());
    assert!(
        (seconds(1)..seconds(2)).contains(&waited),
        "it waited {waited:?}"
    );
}

#[test]
#[ignore = "long"]
fn start_gives_up_after_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://bob@/x?host={}", folder.path().display());
    let arguments = ["--bind", "127.0.0.1:0", "--database-url", &url];
    let begun = Instant::now();
    let status = crate::support::program::program(folder.path(), &arguments)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    println!("given up after {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(status.code(), Some(1));
    assert!((seconds(60)..seconds(65)).contains(&begun.elapsed()));
}

#[test]
fn r63_role_without_ddl_serves_and_refuses_an_old_schema() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    stand.sql(&["CREATE ROLE service LOGIN"]);
    let url = stand.url().replace("postgres@", "service@");
    let serve = |arguments: &[&str]| stand.program(&url, arguments);

    let refused = finish(serve(&["--migrate", "check"]));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(78), "{told}");
    assert!(told.contains("bienvenue db migrate"), "{told}");
    let tables = "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(stand.texts(tables), [""; 0]);
    let failed = finish(serve(&["--migrate", "auto"]));
    assert_ne!(failed.status.code(), Some(0), "it may change tables");
    assert_eq!(stand.texts(tables), [""; 0]);

    let mut migrate: Command = stand.program(&stand.url(), &[]);
    migrate.args(["db", "migrate"]);
    let migrated = finish(migrate);
    assert!(migrated.status.success(), "{migrated:?}");
    stand.sql(&["GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO service"]);
    let server = Server::spawn(serve(&["--migrate", "check"]));
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.get("/readyz").status, 200);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();
    assert_eq!(visitor.profile(&id).status, 200);
    assert_eq!(visitor.log_out(&id).status, 200);
    assert_eq!(visitor.profile(&id).status, 403);
}

#[test]
fn lookup_of_a_session_is_one_round_trip() {
    const REQUESTS: usize = 20;
    let Some(stand) = Stand::create("-c log_min_duration_statement=0") else {
        return;
    };
    let server = stand.serve();
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();
    // The background work after a start has ended by then.
    thread::sleep(Duration::from_millis(1500));
    for _ in 0..3 {
        assert_eq!(visitor.profile(&id).status, 200);
    }
    let before = stand.cluster.log().len();
    for _ in 0..REQUESTS {
        assert_eq!(visitor.profile(&id).status, 200);
    }
    let log = stand.cluster.log();
    // `parse` is the preparation of a statement, `statement` one that is not prepared: both
    // are round trips of their own. `bind` and `execute` go in one.
    let count = |step: &str| log[before..].matches(step).count();
    let steps = [" parse ", " statement: ", " bind ", " execute "].map(count);
    println!("{REQUESTS} lookups: parse, statement, bind, execute: {steps:?}");
    assert_eq!(steps, [0, 0, REQUESTS, REQUESTS]);
    assert_eq!(count("BEGIN"), 0);
}
