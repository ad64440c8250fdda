//! Group commit: writers in the queue share one transaction and one `fsync`.
//!
//! One writer at a time has the turn. The first one opens a transaction, does its work, and
//! passes the open transaction to the next writer in the queue. The last one commits. Every
//! writer waits for the outcome of the commit, so its success is as durable as with a
//! transaction of its own.

mod failure;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use r2d2::{Pool, PooledConnection};

use crate::db::connection::AnyConnection;
use crate::db::connection::disk_health::DiskHealth;
use crate::db::connection::manager::Manager;
use crate::db::connection::transactions::{Deadline, begin, checkout, commit, roll_back};
use crate::db::stats::PoolEvents;
use crate::db::{DbError, Pooler, Unavailable};
use failure::Failure;
use queue::Queue;
pub(in crate::db) use queue::Sharing;

/// The largest number of writers that share one commit.
pub(in crate::db) const GROUP_MAX: u32 = 64;

/// The largest age of a transaction that another writer may join: its first member waits for all
/// that follow. In tests it is long, so that groups form on slow machines too.
const JOIN_WITHIN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 5 });

/// The queue of writers of one SQLite file.
pub(in crate::db) struct GroupCommit {
    pool: Pool<Manager>,
    storage: DiskHealth,
    queue: Queue<Group>,
}

/// An open transaction, whose members wait for the outcome of its commit.
struct Group {
    conn: PooledConnection<Manager>,
    begun: Instant,
    members: u32,
    outcome: Arc<OnceLock<Result<(), Failure>>>,
}

impl GroupCommit {
    pub(in crate::db) fn new(pool: Pool<Manager>, storage: DiskHealth, events: PoolEvents) -> Self {
        Self {
            pool,
            storage,
            queue: Queue::new(events),
        }
    }

    /// Runs `work` in a transaction, and returns when it is durable. Blocks.
    pub(in crate::db) fn write<T>(
        &self,
        patience: Deadline,
        sharing: Sharing,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        // The group is dropped before the turn, so that the next writer finds the connection free.
        let (turn, group) = self.queue.wait(patience, sharing)?;
        let (group, result) = match group {
            None => {
                let mut group = self.begin(patience)?;
                let result = work(&mut group.conn);
                if result.is_err() {
                    roll_back(&mut group.conn);
                    return result;
                }
                (group, result)
            }
            Some(mut group) => {
                let result = group.run_next(patience, work)?;
                (group, result)
            }
        };
        let outcome = Arc::clone(&group.outcome);
        let may_be_joined = group.members < GROUP_MAX && group.begun.elapsed() < JOIN_WITHIN;
        let unshared = if sharing == Sharing::Shared && may_be_joined {
            turn.hand_over(group)
        } else {
            Some((turn, group))
        };
        if let Some((turn, group)) = unshared {
            group.commit(&self.storage);
            drop(turn);
        }
        // A failure waits for the commit too: its cause may be another member's uncommitted write.
        match outcome.wait() {
            Ok(()) => result,
            Err(failure) => Err(failure.error()),
        }
    }

    fn begin(&self, patience: Deadline) -> Result<Group, DbError> {
        if self.storage.needs_restart() {
            return Err(Unavailable::ShuttingDown.into());
        }
        let mut conn = checkout(&self.pool, patience)?;
        begin(&mut conn, Pooler::Off.into())?;
        Ok(Group {
            conn,
            begun: Instant::now(),
            members: 1,
            outcome: Arc::default(),
        })
    }
}

impl Group {
    /// Runs a further member in a savepoint, so that its failure undoes only its own work.
    ///
    /// # Errors
    /// If SQLite has rolled back the whole transaction, as it does on a full disk.
    fn run_next<T>(
        &mut self,
        patience: Deadline,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<Result<T, DbError>, DbError> {
        self.members += 1;
        if let Err(late) = patience.left() {
            return Ok(Err(late.into()));
        }
        let result = match self.conn.batch_execute("SAVEPOINT member") {
            Ok(()) => work(&mut self.conn),
            Err(error) => Err(error.into()),
        };
        let end = match &result {
            Ok(_) => "RELEASE member",
            Err(_) => "ROLLBACK TO member; RELEASE member",
        };
        let Err(undone) = self.conn.batch_execute(end) else {
            return Ok(result);
        };
        let error = result.err().unwrap_or_else(|| undone.into());
        roll_back(&mut self.conn);
        self.publish(Err(Failure::of_work(&error)));
        Err(error)
    }

    /// Commits, and publishes the outcome to all members.
    fn commit(mut self, storage: &DiskHealth) {
        let outcome = commit(&mut self.conn).map_err(|error| {
            let failure = Failure::of_commit(&error);
            // Before the turn ends, so that no writer begins after a lost commit.
            storage.during(false, || Err::<(), _>(failure.error())).ok();
            failure
        });
        self.publish(outcome);
    }

    fn publish(&self, outcome: Result<(), Failure>) {
        // Keep the first outcome.
        self.outcome.set(outcome).ok();
    }
}

impl Drop for Group {
    /// After a panic, the connection is closed with its open transaction, and the members retry.
    fn drop(&mut self) {
        self.publish(Err(Failure::Abandoned));
    }
}
