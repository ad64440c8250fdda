//! Checkpoints of the write-ahead log, and the processes that block them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use super::integrity::reader;
use crate::db::DbError;
use crate::db::connection::sqlite::{Location, wait_at_most};

/// The bytes of the `-shm` file that readers of a snapshot lock, by SQLite's file format.
const READ_LOCKS: std::ops::RangeInclusive<u64> = 123..=127;

/// The result of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Pages that stay in the log because a reader uses an older snapshot.
    pub blocked_pages: u64,
    /// Other processes that read at this moment, as `PID (NAME)`; empty if the system does not
    /// list them.
    pub readers: Vec<String>,
}

#[derive(QueryableByName)]
struct CheckpointRow {
    #[diesel(sql_type = BigInt)]
    log: i64,
    #[diesel(sql_type = BigInt)]
    checkpointed: i64,
}

impl WalStats {
    /// Moves as many pages as possible into the database file, without waiting for readers or
    /// writers.
    pub(in crate::db) fn checkpoint(location: &Location) -> Result<Self, DbError> {
        let mut conn = reader(location)?;
        let row = checkpoint(&mut conn, "PASSIVE")?;
        let blocked_pages = u64::try_from(row.log - row.checkpointed).unwrap_or(0);
        if blocked_pages == 0 {
            // All pages are in the database file. Without this, the log keeps its size until the
            // next write. It fails at once if a reader or a writer is active.
            wait_at_most(&mut conn, Duration::ZERO)?;
            checkpoint(&mut conn, "TRUNCATE")?;
        }
        let shm = location.beside("-shm");
        let readers = fs::metadata(shm).map_or_else(|_| Vec::new(), |shm| readers(shm.ino()));
        Ok(Self {
            blocked_pages,
            readers,
        })
    }
}

fn checkpoint(conn: &mut SqliteConnection, mode: &str) -> QueryResult<CheckpointRow> {
    diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(conn)
}

/// The other processes with a reader's lock on the `-shm` file, from Linux's list of locks.
fn readers(inode: u64) -> Vec<String> {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let own = std::process::id();
    let mut pids: Vec<u32> = locks
        .lines()
        .filter_map(|line| reader_pid(line, inode))
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids.retain(|pid| *pid != own);
    pids.into_iter()
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{pid} ({})", name.trim_end())
        })
        .collect()
}

/// The process of a line such as `1: POSIX  ADVISORY  READ 4711 08:01:1311 124 124`.
fn reader_pid(line: &str, inode: u64) -> Option<u32> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, "POSIX", _, "READ", pid, file, first, last] = fields.as_slice() else {
        return None;
    };
    let is_ours = file.rsplit(':').next()?.parse() == Ok(inode);
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let is_reader = READ_LOCKS.contains(&first) && READ_LOCKS.contains(&last);
    pid.parse().ok().filter(|_| is_ours && is_reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lock_of_a_snapshot_reader_counts() {
        let line = |bytes: &str| format!("7: POSIX  ADVISORY  READ 4711 08:01:1311 {bytes}");
        assert_eq!(reader_pid(&line("124 124"), 1311), Some(4711));
        assert_eq!(reader_pid(&line("124 124"), 1312), None);
        // Held by every connection.
        assert_eq!(reader_pid(&line("128 128"), 1311), None);
        let write = "7: POSIX  ADVISORY  WRITE 4711 08:01:1311 124 124";
        assert_eq!(reader_pid(write, 1311), None);
        let waiting = "7: -> POSIX  ADVISORY  READ 4711 08:01:1311 124 124";
        assert_eq!(reader_pid(waiting, 1311), None);
    }
}
