//! Connections of both engines: opening, handing out, transactions, and the health of the disk.

mod any_connection;
pub(super) mod condition_log;
pub(super) mod disk_health;
pub(super) mod manager;
mod outage;
pub(super) mod statement;
pub(super) mod transactions;

pub(super) use any_connection::{AnyConnection, MultiBackend};
