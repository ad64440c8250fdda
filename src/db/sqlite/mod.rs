//! SQLite: the file and its lock, group commit, integrity checks, the legacy import.

mod backup;
mod group_commit;
mod integrity;
mod legacy_import;
mod lock;
mod other_file;
mod prepare;
mod snapshot;
mod steps;
mod texts;
mod trees;
mod wal;

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use texts::texts;

pub(super) use group_commit::{GROUP_MAX, GroupCommit, Sharing};
pub(super) use integrity::check as check_file;
pub use integrity::{IntegrityWalk, Step};
pub use lock::InstanceLock;
pub use other_file::users_in_file;
pub(super) use prepare::{create_file, prepare};
pub use snapshot::{BackupReport, create_backup, restore_backup, verify_backup};
pub use wal::WalStats;

// Older versions of SQLite can corrupt a database in WAL mode.
const _: () = assert!(libsqlite3_sys::SQLITE_VERSION_NUMBER >= 3_051_003);

/// Empties the write-ahead log before the last connection closes. It does not run `PRAGMA
/// optimize`: see [`drop_statistics`].
pub(super) fn close_wal(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE);")
}

/// Whether the planner has statistics.
pub(super) fn has_statistics(conn: &mut SqliteConnection) -> QueryResult<bool> {
    let sql =
        "SELECT name AS value FROM sqlite_master WHERE name IN ('sqlite_stat1', 'sqlite_stat4')";
    Ok(!texts(conn, sql)?.is_empty())
}

/// Drops the planner's statistics, which an earlier version or a manual `ANALYZE` has left.
/// Statistics of a small table make the planner scan it, also after it has grown.
pub(super) fn drop_statistics(conn: &mut SqliteConnection) -> QueryResult<()> {
    for table in ["sqlite_stat1", "sqlite_stat4"] {
        conn.batch_execute(&format!("DROP TABLE IF EXISTS {table};"))?;
    }
    Ok(())
}
