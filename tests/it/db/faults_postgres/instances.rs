//! F13: several instances on one database.

use std::thread;
use std::time::Instant;

use bienvenue::db::{DB, OpenError};
use bienvenue::domain::Clock;

use crate::support::harness::{Reply, Visitor};
use crate::support::program::Server;
use crate::support::{Engine, Place, eventually, settings};

/// Two instances on one database, started at the same moment.
fn two_instances(place: &Place) -> [Server; 2] {
    let start = || {
        let url = place.url_text();
        let mut command = crate::support::program::program(
            place.folder(),
            &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"],
        );
        command.args(["--database-url", &url]);
        thread::spawn(|| Server::spawn(command))
    };
    [start(), start()].map(|server| server.join().unwrap())
}

#[test]
fn f13_of_two_starting_instances_one_migrates() {
    for round in 0..3 {
        let Some(place) = Place::on(Engine::Postgres) else {
            return;
        };
        let mut servers = two_instances(&place);
        let mut opened: Vec<String> = servers
            .iter_mut()
            .map(|server| server.wait_for("database postgres"))
            .map(|line| line.rsplit(": ").next().unwrap().to_owned())
            .collect();
        opened.sort();
        println!("F13, start {round}: {opened:?}");
        assert_eq!(opened, ["created", "found, schema current"]);
        for server in &servers {
            assert_eq!(Visitor::of(&[server]).get("/readyz").status, 200);
        }
    }
}

#[test]
fn f13_older_instance_refuses_a_schema_migrated_meanwhile() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let mut newer = place.connect();
    // The lock under which all instances migrate.
    newer.execute("BEGIN; SELECT pg_advisory_xact_lock(x'4249454e56454e55'::bigint)");
    let opening = thread::spawn({
        let url = place.url();
        move || DB::open(&url, settings(&Clock::system()))
    });
    eventually("it waits for the lock", || {
        let waiting = "SELECT pid::text AS value FROM pg_locks \
                       JOIN pg_database ON pg_database.oid = database \
                       WHERE datname = current_database() AND NOT granted";
        place.texts(waiting).len() == 1
    });
    newer.execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, \
         run_on TIMESTAMP NOT NULL DEFAULT now()); \
         INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000'); COMMIT",
    );
    let error = opening.join().unwrap().unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { .. }), "{error}");
    let tables = "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(place.texts(tables), ["__diesel_schema_migrations"]);
}

#[test]
fn f13_instances_see_each_others_writes_at_once() {
    agreement(100);
}

#[test]
#[ignore = "long"]
fn f13_in_ten_thousand_tries_no_instance_has_a_stale_answer() {
    agreement(10_000);
}

fn agreement(tries: usize) {
    const CLIENTS: usize = 4;
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let servers = two_instances(&place);
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let email = format!("bob{number}@x.org");
            let pair = servers.each_ref().map(|server| Visitor::of(&[server]));
            thread::spawn(move || stale_answers(pair, &email, tries / CLIENTS))
        })
        .collect();
    let stale: Vec<String> = clients
        .into_iter()
        .flat_map(|client| client.join().unwrap())
        .collect();
    println!(
        "F13: {} stale answers in {tries} tries, {:.1} s",
        stale.len(),
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(stale, [""; 0]);
}

/// The answer, once there is one: on a busy machine a client may be told to come back.
fn answered(mut ask: impl FnMut() -> Reply) -> Reply {
    loop {
        let reply = ask();
        if ![0, 503].contains(&reply.status) {
            return reply;
        }
    }
}

fn seen(visitor: &mut Visitor, session_id: &str) -> u16 {
    answered(|| visitor.profile(session_id)).status
}

/// Of two tries one ends a session by a log-out, one by a login, both on the other instance.
fn stale_answers([mut a, mut b]: [Visitor; 2], email: &str, tries: usize) -> Vec<String> {
    assert_eq!(a.register(email).status, 201);
    let mut stale = Vec::new();
    let mut expect = |what: &str, status: u16, right: u16| {
        if status != right {
            stale.push(format!("{what}: {status}"));
        }
    };
    for _ in 0..tries / 2 {
        let first = answered(|| a.log_in(email)).session_id();
        expect("logged in here", seen(&mut a, &first), 200);
        expect("logged in there", seen(&mut b, &first), 200);
        let second = answered(|| b.log_in(email)).session_id();
        expect("replaced there", seen(&mut a, &first), 403);
        expect("replaced here", seen(&mut b, &first), 403);
        expect("its successor", seen(&mut a, &second), 200);
        answered(|| b.log_out(&second));
        expect("logged out there", seen(&mut a, &second), 403);
        expect("logged out here", seen(&mut b, &second), 403);
        std::mem::swap(&mut a, &mut b);
    }
    stale
}
