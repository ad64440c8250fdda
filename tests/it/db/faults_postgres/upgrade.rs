//! F16: a newer instance migrates while an older one serves.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::harness::{Load, Stand, Visitor};
use crate::support::program::Server;

/// The migrations of the newer version, which the older one does not have: a table, and an index
/// of a table with many rows, which cannot be written while it is built.
const NEWER: [&str; 2] = [
    include_str!(
        "../../../../migrations/postgres/2026-11-27-000090-0000_order_users_by_email/down.sql"
    ),
    include_str!(
        "../../../../migrations/postgres/2026-11-27-000120-0000_create_copy_marks/down.sql"
    ),
];

/// An instance that serves a schema without the newer migrations, and a server with many users.
fn older_instance(stand: &Stand) -> Server {
    let older = stand.serve();
    stand.sql(&NEWER);
    stand.sql(&[
        "DELETE FROM __diesel_schema_migrations WHERE version IN \
         ('202611270000900000', '202611270001200000')",
        "INSERT INTO users (email, email_key, hashed_password) \
         SELECT 'u' || i, 'u' || i, '!' FROM generate_series(1, 20000) AS i",
    ]);
    older
}

/// The migrations that are applied, of those that the older instance does not have.
fn applied(stand: &Stand) -> usize {
    let versions = "SELECT version AS value FROM __diesel_schema_migrations WHERE version IN \
                    ('202611270000900000', '202611270001200000')";
    stand.texts(versions).len()
}

#[test]
fn f16_upgrade_under_load_fails_no_request() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let older = older_instance(&stand);
    let load = Load::start(4, &[&older]);
    assert_eq!(applied(&stand), 0);
    let begun = Instant::now();
    let mut newer = stand.serve();
    newer.wait_for("schema brought up to date");
    let started = begun.elapsed();
    assert_eq!(applied(&stand), 2);
    let alone = load.finish();
    // A session that one of them made counts at the other, and so does its end.
    let both = Load::of("both", 4, &[&older, &newer]);
    thread::sleep(Duration::from_millis(300));
    let both = both.finish();
    drop(older);
    assert_eq!(Visitor::of(&[&newer]).get("/readyz").status, 200);
    println!(
        "F16: ready after {started:?}; slowest answer {:?}",
        alone.slowest()
    );
    assert_eq!(alone.failures_outside(&[]) + both.failures_outside(&[]), 0);
    both.check("F16, both", &stand.url());
    assert!(
        alone.slowest() < Duration::from_secs(1),
        "{:?}",
        alone.slowest()
    );
}

#[test]
fn f16_migration_that_waits_for_a_lock_stops_no_writer() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let older = older_instance(&stand);
    // A long transaction that has written to the table: the index cannot be built before its end.
    let mut conn = stand.connect();
    conn.execute("BEGIN; UPDATE users SET hashed_password = 'x' WHERE id = 1");
    let command = stand.program(&stand.service_url(), &[]);
    let newer = thread::spawn(|| Server::spawn(command));
    eventually("the migration waits for the table", || {
        let waiting = "SELECT pid::text AS value FROM pg_locks \
                       JOIN pg_database ON pg_database.oid = database \
                       WHERE datname = current_database() AND NOT granted";
        !stand.texts(waiting).is_empty()
    });
    let load = Load::start(4, &[&older]);
    thread::sleep(Duration::from_secs(1));
    let report = load.finish();
    assert_eq!(applied(&stand), 0, "it still waits");
    conn.execute("COMMIT");
    let newer = newer.join().unwrap();
    assert_eq!(applied(&stand), 2);
    assert_eq!(Visitor::of(&[&newer]).get("/readyz").status, 200);
    println!(
        "F16: slowest answer beside a waiting migration {:?}",
        report.slowest()
    );
    assert_eq!(report.failures_outside(&[]), 0);
    assert!(
        report.slowest() < Duration::from_secs(1),
        "{:?}",
        report.slowest()
    );
}
