//! What the database keeps, and faults of the disk and the server: `src/db`.

mod adoption;
mod adoption_refused;
mod cleanup;
mod crash;
mod faults_postgres;
mod faults_sqlite;
mod group_commit;
mod pgbouncer;
mod plans;
mod storage;
mod storage_unavailable;
