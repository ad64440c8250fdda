//! F09: the server can no longer write, and another takes over.

use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::Pooler;

use crate::support::harness::{Load, Stand, Visitor};
use crate::support::program::Server;

use super::*;

/// Reaches the connections that stand: they notice it by SQLSTATE 25006.
#[test]
fn f09_read_only_server_is_left_until_it_writes_again() {
    let set = "ALTER SYSTEM SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    let reload = "SELECT pg_reload_conf()";
    read_only("F09, server", Pooler::Off, &[&on, reload], &[&off, reload]);
}

/// Reaches the connections that are opened from now on, and so all others are ended.
#[test]
fn f09_read_only_database_is_left_until_it_writes_again() {
    let set = "ALTER DATABASE bienvenue SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    // By the database: a connection that PgBouncer has just opened has no name of an application yet.
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = 'bienvenue' AND pid <> pg_backend_pid()";
    read_only("F09, database", Pooler::Off, &[&on, end_all], &[&off]);
}

pub(super) fn read_only(test: &str, pooler: Pooler, turn: &[&str], turn_back: &[&str]) {
    let Some(stand) = Stand::behind(pooler) else {
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
    if let Some(pgbouncer) = &stand.pgbouncer {
        // It keeps server connections, each with the setting from when it was opened.
        pgbouncer.command("RECONNECT");
    }
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
fn f09_promoted_standby_has_acknowledged_changes() {
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
