//! Faults of a PostgreSQL server, and the service's reactions: the real program, a
//! cluster of its own for each test, and clients that note what was acknowledged.

mod away;
mod instances;
mod migrations;
mod outage_log;
mod pgbouncer;
mod read_only;
mod start;
mod upgrade;
mod watchdog;

use std::time::Duration;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
