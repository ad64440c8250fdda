//! Which faults of the server end the service's word that it is well.

use std::thread;
use std::time::Duration;

use super::seconds;
use crate::support::manager::Manager;
use crate::support::postgres::Cluster;
use crate::support::program::{Server, program};
use crate::support::{Place, eventually};

/// Longer than a connection may take to be opened.
const WITHIN: Duration = seconds(3);

fn watched(place: &Place, cluster: &Cluster) -> (Manager, Server) {
    let manager = Manager::new(place.folder());
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", cluster.url("postgres"));
    manager.watch(&mut command, WITHIN);
    (manager, Server::spawn(command))
}

fn reports(manager: &mut Manager, length: Duration) -> usize {
    let heard = manager.listen(length);
    heard.iter().filter(|line| *line == "WATCHDOG=1").count()
}

/// A new process could not reach it either, and would answer no client meanwhile.
#[test]
fn f14_unreachable_server_causes_no_restart() {
    let Some(cluster) = Cluster::create("-c fsync=off") else {
        return;
    };
    let place = Place::new();
    let (mut manager, _server) = watched(&place, &cluster);
    manager.hear_of("WATCHDOG=1");
    cluster.stop("fast");
    manager.hear_of("STATUS=serving; the database is unavailable");
    assert!(reports(&mut manager, WITHIN * 2) >= 4);
    cluster.start();
    manager.hear_of("STATUS=serving");
}

#[test]
fn f14_hanging_server_stops_the_watchdog_until_it_continues() {
    let Some(cluster) = Cluster::create("-c fsync=off") else {
        return;
    };
    let place = Place::new();
    let (mut manager, _server) = watched(&place, &cluster);
    manager.hear_of("WATCHDOG=1");
    cluster.signal("STOP");
    // One may have been on its way.
    manager.hear_of("STATUS=the database does not answer");
    assert_eq!(reports(&mut manager, WITHIN * 3), 0);
    cluster.signal("CONT");
    manager.hear_of("WATCHDOG=1");
    manager.hear_of("STATUS=serving");
}

#[test]
fn r92_service_is_ready_when_its_server_is_reachable() {
    let Some(cluster) = Cluster::create("-c fsync=off") else {
        return;
    };
    cluster.stop("fast");
    let place = Place::new();
    let mut manager = Manager::new(place.folder());
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", cluster.url("postgres"));
    manager.watch(&mut command, WITHIN);
    let starting = thread::spawn(move || Server::spawn(command));
    manager.hear_of("STATUS=opening the database");
    let before = manager.listen(seconds(1));
    assert!(before.is_empty(), "{before:?}");
    cluster.start();
    manager.hear_of("READY=1");
    eventually("the address", || starting.is_finished());
    starting.join().unwrap();
}
