//! Connections of both engines: pools, transactions, outages, and disk health.

mod any_connection;
pub(super) mod condition_log;
pub(super) mod disk_health;
pub(super) mod fixed_statement;
pub(super) mod manager;
mod outage;
pub(super) mod postgres;
pub(super) mod sqlite;
pub(super) mod statement;
pub(super) mod transactions;

pub(super) use any_connection::{AnyConnection, MultiBackend};
