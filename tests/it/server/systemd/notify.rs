//! The notifications to systemd: readiness and the watchdog.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::manager::Manager;
use crate::support::program::{Server, program};
use crate::support::{Engine, Place};

const WITHIN: Duration = Duration::from_millis(1500);

/// The service on the place's database, watched.
fn watched(place: &Place) -> (Manager, Server) {
    let manager = Manager::new(place.folder());
    let server = start(place, &manager);
    (manager, server)
}

fn start(place: &Place, manager: &Manager) -> Server {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    manager.watch(&mut command, WITHIN);
    Server::spawn(command)
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| *line == what).count()
}

#[test]
fn r92_systemd_gets_ready_watchdog_and_stopping() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let manager = Manager::new(place.folder());
        let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
        command.env("DATABASE_URL", place.url_text());
        manager.watch(&mut command, WITHIN);
        let (mut manager, mut server) = (manager, Server::spawn(command));

        manager.hear_of("READY=1");
        for _ in 0..4 {
            manager.hear_of("WATCHDOG=1");
        }
        assert_eq!(manager.heard()[0], "STATUS=opening the database");
        assert!(manager.heard().contains(&"STATUS=serving".to_owned()));

        server.signal("TERM");
        manager.hear_of("STOPPING=1");
        assert_eq!(server.wait().code(), Some(0));
        let after = manager.listen(Duration::from_millis(100));
        assert_eq!(count(&after, "WATCHDOG=1"), 0, "{after:?}");
        assert_eq!(count(manager.heard(), "READY=1"), 1);
    }
}

#[test]
fn r92_failed_start_is_never_ready() {
    let place = Place::new();
    std::fs::write(place.path("bienvenue.db"), "no database").unwrap();
    let mut manager = Manager::new(place.folder());
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    manager.watch(&mut command, WITHIN);
    let ended = crate::support::program::finish(command);
    assert_eq!(ended.status.code(), Some(78));
    let heard = manager.listen(Duration::from_millis(100));
    assert_eq!(heard, ["STATUS=opening the database"]);
}

/// F14 as systemd does it: nothing heard for the watchdog's time, an end, and a new start.
#[test]
fn f14_hanging_process_misses_the_watchdog_and_is_replaced() {
    let place = Place::new();
    let (mut manager, mut server) = watched(&place);
    manager.hear_of("WATCHDOG=1");
    server.signal("STOP");
    let hung = Instant::now();
    manager.listen(Duration::from_millis(100));
    assert!(manager.listen(WITHIN).is_empty());
    server.kill();
    let _next = start(&place, &manager);
    manager.hear_of("READY=1");
    let back = hung.elapsed();
    println!("F14: ready {back:?} after it hung, with a watchdog of {WITHIN:?}");
    assert!(back < WITHIN + Duration::from_secs(2), "{back:?}");
}

/// The holder of the lock would block the next process too.
#[test]
fn f14_locked_database_causes_no_restart() {
    let place = Place::new();
    let (mut manager, _server) = watched(&place);
    manager.hear_of("WATCHDOG=1");
    let mut other = place.connect();
    other.execute("BEGIN EXCLUSIVE");
    let status = manager.hear_of("STATUS=serving; the database is unavailable");
    assert!(status.contains("locked"), "{status}");
    let during = manager.listen(WITHIN * 2);
    assert!(count(&during, "WATCHDOG=1") >= 4, "{during:?}");
    other.execute("ROLLBACK");
    manager.hear_of("STATUS=serving");
}

#[test]
fn without_a_notify_socket_nothing_is_sent() {
    let place = Place::new();
    let mut server = Server::start(&place);
    thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.whole_log().contains("NOTIFY_SOCKET"));
}

#[test]
fn full_notify_socket_logs_one_line() {
    let place = Place::new();
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command
        .env("NOTIFY_SOCKET", place.path("nowhere"))
        .env("WATCHDOG_USEC", "300000");
    let mut server = Server::spawn(command);
    thread::sleep(Duration::from_millis(500));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let log = server.whole_log();
    assert_eq!(log.matches("NOTIFY_SOCKET").count(), 1, "{log}");
}

#[test]
fn status_says_what_production_lacks() {
    let place = Place::new();
    let mut manager = Manager::new(place.folder());
    let arguments = [
        "--bind=127.0.0.1:0",
        "--public-url=https://login.example.org",
        "--pages=off",
    ];
    let mut command = program(place.folder(), &arguments);
    manager.watch(&mut command, WITHIN);
    let _server = Server::spawn(command);
    manager.hear_of(
        "STATUS=serving; mails are not sent, but written to the folder mail; there is no page for \
         password resets",
    );
}

/// The watchdog looks before the workers have started, and then every third of this time only.
#[test]
fn start_is_ready_before_the_second_look_of_the_watchdog() {
    let place = Place::new();
    let mut manager = Manager::new(place.folder());
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    manager.watch(&mut command, Duration::from_secs(600));
    let mut server = Server::spawn(command);
    manager.hear_of("READY=1");
    assert_eq!(server.logged("do not answer"), 0);
}
