//! F05 to F08: the server restarts, stops, is killed, hangs.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::Pooler;

use crate::support::harness::{Load, Stand, Visitor};
use crate::support::program::Server;

use super::*;

#[test]
fn f05_restart_under_load_interrupts_for_a_moment() {
    restarts("F05, 2 restarts", Pooler::Off, 2);
}

#[test]
#[ignore = "long"]
fn f05_ten_restarts_under_load_interrupt_for_ten_moments() {
    restarts("F05, 10 restarts", Pooler::Off, 10);
}

pub(super) fn restarts(test: &str, pooler: Pooler, count: usize) {
    let Some(stand) = Stand::behind(pooler) else {
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
fn f06_unreachable_server_is_reported_and_used_again() {
    // It ends after the answer that comes then: four seconds.
    absence("F06, 4 s", Pooler::Off, seconds(3));
}

#[test]
#[ignore = "long"]
fn f06_server_away_for_half_a_minute_is_used_again() {
    absence("F06, 30 s", Pooler::Off, seconds(30));
}

pub(super) fn absence(test: &str, pooler: Pooler, length: Duration) {
    let Some(stand) = Stand::behind(pooler) else {
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
        "{test}: good {:.2} s after the start; before {before:?}, at most {most:?}, after \
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

/// The resources that a process holds.
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
fn f07_killed_server_keeps_acknowledged_changes() {
    kills("F07, 1 kill", Pooler::Off, 1);
}

#[test]
#[ignore = "long"]
fn f07_ten_kills_lose_no_acknowledged_change() {
    kills("F07, 10 kills", Pooler::Off, 10);
}

pub(super) fn kills(test: &str, pooler: Pooler, count: usize) {
    let Some(stand) = Stand::behind(pooler) else {
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
fn f08_hanging_server_is_waited_for_five_seconds() {
    black_hole("F08, 2 s", Pooler::Off, seconds(2));
}

#[test]
#[ignore = "long"]
fn f08_long_hang_is_waited_for_five_seconds_each_time() {
    black_hole("F08, 20 s", Pooler::Off, seconds(20));
}

pub(super) fn black_hole(test: &str, pooler: Pooler, length: Duration) {
    let Some(stand) = Stand::behind(pooler) else {
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
fn f08_hanging_server_does_not_block_the_shutdown() {
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
