//! Background threads: deferred writes, the removal of expired rows, and the health of the file.

pub(super) mod background_writes;
mod cleanup;
pub(super) mod db_monitor;
