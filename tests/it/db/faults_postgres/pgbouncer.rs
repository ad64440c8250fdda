//! F05 to F09 with PgBouncer between the service and the server, and a fail-over behind it.

use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::Pooler;
use rstest::rstest;

use super::away::{absence, black_hole, kills, restarts};
use super::read_only::read_only;
use super::seconds;
use crate::support::harness::{Load, Stand};
use crate::support::pgbouncer::mode;

#[rstest]
fn f05_a_restart_behind_pgbouncer_costs_a_moment(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    restarts(&format!("F05, {} pooler", mode(pooler)), pooler, 1);
}

#[rstest]
#[ignore = "long"]
fn f05_ten_restarts_behind_pgbouncer_cost_ten_moments(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    restarts(&format!("F05 x 10, {} pooler", mode(pooler)), pooler, 10);
}

#[rstest]
#[ignore = "long"]
fn f06_a_server_away_behind_pgbouncer_is_used_again(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
    #[values(seconds(3), seconds(30))] length: Duration,
) {
    absence(&format!("F06, {} pooler", mode(pooler)), pooler, length);
}

#[rstest]
#[ignore = "long"]
fn f07_a_kill_behind_pgbouncer_loses_nothing_acknowledged(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    kills(&format!("F07 x 5, {} pooler", mode(pooler)), pooler, 5);
}

#[rstest]
#[ignore = "long"]
fn f08_a_server_that_hangs_behind_pgbouncer_is_left_in_time(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
    #[values(seconds(2), seconds(20))] length: Duration,
) {
    black_hole(&format!("F08, {} pooler", mode(pooler)), pooler, length);
}

#[rstest]
#[ignore = "long"]
fn f09_a_server_turned_read_only_behind_pgbouncer_is_left(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let set = "ALTER SYSTEM SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    let reload = "SELECT pg_reload_conf()";
    let test = format!("F09, server, {} pooler", mode(pooler));
    read_only(&test, pooler, &[&on, reload], &[&off, reload]);
}

#[rstest]
#[ignore = "long"]
fn f09_a_database_turned_read_only_behind_pgbouncer_is_left(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let set = "ALTER DATABASE bienvenue SET default_transaction_read_only";
    let (on, off) = (format!("{set} = on"), format!("{set} = off"));
    // By the database: a connection that PgBouncer has just opened has no name of an application yet.
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = 'bienvenue' AND pid <> pg_backend_pid()";
    let test = format!("F09, database, {} pooler", mode(pooler));
    read_only(&test, pooler, &[&on, end_all], &[&off]);
}

/// The steps of Patroni, by hand: the primary dies, its synchronous standby is promoted, and the
/// pooler is pointed to it.
#[rstest]
#[ignore = "long"]
fn f09_a_failover_behind_pgbouncer_loses_nothing_acknowledged(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let Some(stand) = Stand::behind(pooler) else {
        return;
    };
    let standby = stand.cluster.standby();
    stand.sql(&[
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
        "SELECT pg_reload_conf()",
    ]);
    crate::support::eventually("the standby is synchronous", || {
        stand.texts("SELECT sync_state AS value FROM pg_stat_replication") == ["sync"]
    });
    let server = stand.serve();
    let load = Load::start(6, &[&server]);
    thread::sleep(seconds(1));
    let begun = Instant::now();
    stand.cluster.kill();
    thread::sleep(seconds(1));
    let ordered = Instant::now();
    standby.promote();
    stand.pgbouncer.as_ref().unwrap().point_to(standby.host());
    let healed = load.healed_after(ordered);
    let test = format!("F09, fail-over, {} pooler", mode(pooler));
    println!(
        "{test}: promotion {:.2} s after the kill, good {:.2} s after that order",
        (ordered - begun).as_secs_f64(),
        healed.as_secs_f64()
    );
    let report = load.finish();
    report.check(&test, &standby.url("bienvenue"));
    assert!(healed <= seconds(10), "{healed:?}");
    let outage = (begun, ordered + seconds(10));
    assert_eq!(report.failures_outside(&[outage]), 0, "outside the outage");
    assert!(report.slowest() <= seconds(3), "{:?}", report.slowest());
}
