//! What befalls a PostgreSQL server, and what the service makes of it: the real program, a
//! cluster of its own for each test, and clients that note what was acknowledged.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::{DB, DbSettings, OpenError};

use crate::support::harness::{Load, Stand, Visitor};
use crate::support::program::{Server, finish};
use crate::support::{Engine, Place, eventually};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn f05_a_server_that_is_restarted_under_load_costs_a_moment() {
    restarts("F05, 2 restarts", 2);
}

#[test]
#[ignore = "long"]
fn f05_a_server_that_is_restarted_ten_times_under_load_costs_ten_moments() {
    restarts("F05, 10 restarts", 10);
}

fn restarts(test: &str, count: usize) {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let server = stand.serve();
    let load = Load::start(6, &[&server]);
    let (mut outages, mut longest) = (Vec::new(), seconds(0));
    for _ in 0..count {
        let begun = Instant::now();
        stand.cluster.restart();
        let restarted = Instant::now();
        let healed = load.healed_after(restarted);
        longest = longest.max(healed);
        println!(
            "{test}: restarted in {:.2} s, good {:.2} s later",
            (restarted - begun).as_secs_f64(),
            healed.as_secs_f64()
        );
        outages.push((begun, restarted + seconds(1)));
    }
    let report = load.finish();
    report.check(test, &stand.url());
    assert_eq!(report.failures_outside(&outages), 0, "outside the restarts");
    assert!(longest <= seconds(1), "{longest:?}");
}

#[test]
fn f06_a_server_that_is_away_is_told_at_once_and_used_when_it_is_back() {
    // It ends after the answer that comes then: four seconds.
    absence("F06, 4 s", seconds(3));
}

#[test]
#[ignore = "long"]
fn f06_a_server_that_is_away_for_half_a_minute_is_told_at_once_and_used_when_it_is_back() {
    absence("F06, 30 s", seconds(30));
}

fn absence(test: &str, length: Duration) {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let server = stand.serve();
    // More clients than connections: some wait for a turn.
    let load = Load::start(12, &[&server]);
    let before = Resources::of(&server);
    let mut visitor = Visitor::of(&[&server]);
    let begun = Instant::now();
    stand.cluster.stop("fast");
    let stopped = Instant::now();
    let mut most = before;
    while stopped.elapsed() < length {
        assert_eq!(visitor.get("/healthz").status, 200);
        let asked = Instant::now();
        assert_eq!(visitor.get("/readyz").status, 503);
        assert!(asked.elapsed() <= seconds(3), "{:?}", asked.elapsed());
        most = most.max(Resources::of(&server));
    }
    stand.cluster.start();
    let started = Instant::now();
    let healed = load.healed_after(started);
    assert_eq!(visitor.get("/readyz").status, 200);
    let after = Resources::of(&server);
    let report = load.finish();
    println!(
        "{test}: good {:.2} s after the start; before {before:?}, at the most {most:?}, after \
         {after:?}",
        healed.as_secs_f64()
    );
    report.check(test, &stand.url());
    let outage = (begun, started + seconds(2));
    assert_eq!(report.failures_outside(&[outage]), 0, "outside the outage");
    assert!(healed <= seconds(2), "{healed:?}");
    assert!(report.slowest() <= seconds(3), "{:?}", report.slowest());
    assert!(most.threads <= before.threads + 8, "{before:?} {most:?}");
    assert!(
        most.kilobytes <= before.kilobytes + 16 * 1024,
        "{before:?} {most:?}"
    );
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Resources {
    threads: u64,
    kilobytes: u64,
}

impl Resources {
    fn of(server: &Server) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self {
            threads: value("Threads:"),
            kilobytes: value("VmRSS:"),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            threads: self.threads.max(other.threads),
            kilobytes: self.kilobytes.max(other.kilobytes),
        }
    }
}

#[test]
fn f07_a_server_that_is_killed_has_all_that_was_acknowledged() {
    kills("F07, 1 kill", 1);
}

#[test]
#[ignore = "long"]
fn f07_a_server_that_is_killed_ten_times_has_all_that_was_acknowledged() {
    kills("F07, 10 kills", 10);
}

fn kills(test: &str, count: usize) {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let server = stand.serve();
    let load = Load::start(6, &[&server]);
    let mut outages = Vec::new();
    for number in 0..count {
        thread::sleep(Duration::from_millis(300 + 70 * number as u64));
        let begun = Instant::now();
        stand.cluster.kill();
        stand.cluster.start();
        let started = Instant::now();
        let healed = load.healed_after(started);
        println!(
            "{test}: recovered in {:.2} s, good {:.2} s later",
            (started - begun).as_secs_f64(),
            healed.as_secs_f64()
        );
        assert!(healed <= seconds(2), "{healed:?}");
        outages.push((begun, started + seconds(2)));
    }
    let report = load.finish();
    report.check(test, &stand.url());
    assert_eq!(report.failures_outside(&outages), 0, "outside the kills");
}

#[test]
fn f08_a_server_that_hangs_is_waited_for_no_longer_than_five_seconds() {
    black_hole("F08, 2 s", seconds(2));
}

#[test]
#[ignore = "long"]
fn f08_a_server_that_hangs_for_long_is_waited_for_no_longer_than_five_seconds() {
    black_hole("F08, 20 s", seconds(20));
}

fn black_hole(test: &str, length: Duration) {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let server = stand.serve();
    let load = Load::start(12, &[&server]);
    let mut visitor = Visitor::of(&[&server]);
    let begun = Instant::now();
    stand.cluster.signal("STOP");
    while begun.elapsed() < length {
        assert_eq!(visitor.get("/healthz").status, 200);
        assert_eq!(visitor.get("/readyz").status, 503);
    }
    stand.cluster.signal("CONT");
    let awake = Instant::now();
    let healed = load.healed_after(awake);
    let connections = stand.texts(
        "SELECT count(*)::text AS value FROM pg_stat_activity WHERE application_name = 'bienvenue'",
    );
    let report = load.finish();
    println!(
        "{test}: good {:.2} s after it went on, with {} connections",
        healed.as_secs_f64(),
        connections[0]
    );
    report.check(test, &stand.url());
    let outage = (begun, awake + seconds(10));
    assert_eq!(report.failures_outside(&[outage]), 0, "outside the outage");
    assert!(healed <= seconds(10), "{healed:?}");
    assert!(report.slowest() <= seconds(5), "{:?}", report.slowest());
    let connections: usize = connections[0].parse().unwrap();
    assert!((1..=8).contains(&connections), "{connections}");
}

#[test]
#[ignore = "long"]
fn f08_a_server_that_hangs_does_not_keep_the_service_from_stopping() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    // The last use of a session is worth a note after a second. When the signal comes, the
    // note waits to be written.
    let mut server = Server::spawn(stand.program(&stand.url(), &["--session-idle", "4s"]));
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();
    thread::sleep(Duration::from_millis(2100));
    assert_eq!(visitor.profile(&id).status, 200);
    stand.cluster.signal("STOP");
    let told = Instant::now();
    server.signal("TERM");
    let status = server.wait();
    println!(
        "F08: stopped {:.1} s after the signal, {status}",
        told.elapsed().as_secs_f64()
    );
    assert_eq!(status.code(), Some(0));
    assert!(told.elapsed() <= seconds(5), "{:?}", told.elapsed());
}

/// Reaches the connections that stand: they notice it by SQLSTATE 25006.
#[test]
fn f09_a_server_that_turns_read_only_is_left_and_used_when_it_can_write_again() {
    let set = "ALTER SYSTEM SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    let reload = "SELECT pg_reload_conf()";
    read_only("F09, server", &[&on, reload], &[&off, reload]);
}

/// Reaches the connections that are opened from now on, and so all others are ended.
#[test]
fn f09_a_database_that_turns_read_only_is_left_and_used_when_it_can_write_again() {
    let set = "ALTER DATABASE bienvenue SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = 'bienvenue'";
    read_only("F09, database", &[&on, end_all], &[&off]);
}

fn read_only(test: &str, turn: &[&str], turn_back: &[&str]) {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let server = stand.serve();
    let mut visitor = Visitor::of(&[&server]);
    let load = Load::start(4, &[&server]);
    let begun = Instant::now();
    stand.sql(turn);
    thread::sleep(Duration::from_millis(300));
    let ready = thread::spawn({
        let mut visitor = Visitor::of(&[&server]);
        move || visitor.get("/readyz").status
    });
    let answer = visitor.register("bob@x.org");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(ready.join().unwrap(), 503);
    assert_eq!(visitor.get("/healthz").status, 200);
    stand.sql(&[&["SET default_transaction_read_only = off"], turn_back].concat());
    let undone = Instant::now();
    let healed = load.healed_after(undone);
    println!(
        "{test}: good {:.2} s after it could write again",
        healed.as_secs_f64()
    );
    let report = load.finish();
    report.check(test, &stand.url());
    assert!(healed <= seconds(5), "{healed:?}");
    assert!(report.slowest() <= seconds(3), "{:?}", report.slowest());
    let outage = (begun, undone + seconds(5));
    assert_eq!(report.failures_outside(&[outage]), 0, "outside the outage");
}

#[test]
#[ignore = "long"]
fn f09_when_a_standby_takes_over_it_is_used_and_has_all_that_was_acknowledged() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let standby = stand.cluster.standby();
    let hosts = format!("{},{}", stand.cluster.host(), standby.host());
    let url = format!("postgres://postgres@/bienvenue?host={hosts}");
    let server = Server::spawn(stand.program(&url, &[]));
    let load = Load::start(6, &[&server]);
    thread::sleep(seconds(1));
    let begun = Instant::now();
    stand.cluster.stop("fast");
    thread::sleep(seconds(1));
    let promoted = Instant::now();
    standby.promote();
    let healed = load.healed_after(promoted);
    println!(
        "F09, fail-over: promoted {:.2} s after the stop began, good {:.2} s after that order",
        (promoted - begun).as_secs_f64(),
        healed.as_secs_f64()
    );
    let report = load.finish();
    report.check("F09, fail-over", &standby.url("bienvenue"));
    assert!(healed <= seconds(5), "{healed:?}");
    let outage = (begun, promoted + seconds(5));
    assert_eq!(report.failures_outside(&[outage]), 0, "outside the outage");
    assert!(report.slowest() <= seconds(3), "{:?}", report.slowest());
}

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
fn f13_of_two_instances_that_start_together_one_migrates_and_both_serve() {
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
fn f13_an_instance_that_waited_while_a_newer_program_migrated_refuses_to_serve() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let mut newer = place.connect();
    // The lock under which all instances migrate.
    newer.execute("BEGIN; SELECT pg_advisory_xact_lock(x'4249454e56454e55'::bigint)");
    let opening = thread::spawn({
        let url = place.url();
        move || DB::open(&url, DbSettings::default())
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
fn f13_what_one_instance_does_the_other_knows_at_once() {
    agreement(300);
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
        let first = a.log_in(email).session_id();
        expect("logged in here", a.profile(&first).status, 200);
        expect("logged in there", b.profile(&first).status, 200);
        let second = b.log_in(email).session_id();
        expect("replaced there", a.profile(&first).status, 403);
        expect("replaced here", b.profile(&first).status, 403);
        expect("its successor", a.profile(&second).status, 200);
        expect("log-out", b.log_out(&second).status, 200);
        expect("logged out there", a.profile(&second).status, 403);
        expect("logged out here", b.profile(&second).status, 403);
        std::mem::swap(&mut a, &mut b);
    }
    stale
}

#[test]
fn a_server_that_is_away_at_the_start_is_waited_for() {
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
fn a_server_that_does_not_come_is_given_up_and_trying_again_may_help() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://bob@/x?host={}", folder.path().display());
    let settings = DbSettings {
        server_wait: seconds(1),
        ..DbSettings::default()
    };
    let begun = Instant::now();
    let error = DB::open(&url.parse().unwrap(), settings).unwrap_err();
    let waited = begun.elapsed();
    assert!(matches!(error, OpenError::Away { .. }), "{error}");
    assert!(!error.is_permanent());
    assert!(
        (seconds(1)..seconds(2)).contains(&waited),
        "it waited {waited:?}"
    );
}

#[test]
#[ignore = "long"]
fn a_server_that_does_not_come_is_given_up_after_a_minute_with_exit_code_1() {
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
fn r63_a_role_that_may_not_change_tables_serves_and_refuses_an_old_schema() {
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
fn a_look_up_of_a_session_is_one_round_trip() {
    const REQUESTS: usize = 20;
    let Some(stand) = Stand::create("-c log_min_duration_statement=0") else {
        return;
    };
    let server = stand.serve();
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();
    // What is done once after the start, in the background, is over then.
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
    println!("{REQUESTS} look-ups: parse, statement, bind, execute: {steps:?}");
    assert_eq!(steps, [0, 0, REQUESTS, REQUESTS]);
    assert_eq!(count("BEGIN"), 0);
}
