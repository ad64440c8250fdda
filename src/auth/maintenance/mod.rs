//! Background threads: deferred writes, cleanup, and the monitor of the database file.

pub(super) mod background_writes;
pub(in crate::auth) mod cleanup;
pub(super) mod db_monitor;
