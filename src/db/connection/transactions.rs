//! Transactions, and which of them are retried.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::result::Error as DieselError;
use r2d2::{Pool, PooledConnection};

use super::any_connection::AnyConnection;
use super::manager::Manager;
use super::postgres::{self, Begin};
use crate::db::error::{is_disk_failure, is_lost, is_undone};
use crate::db::{DbError, Pooler, Unavailable};

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// How long a request waits for a connection before it fails.
pub(in crate::db) const POOL_WAIT: Duration = Duration::from_secs(2);

/// Until when work may wait for a connection and for other writers.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::db) struct Deadline(pub(in crate::db) Option<Instant>);

impl Deadline {
    pub(in crate::db) fn left(self) -> Result<Duration, Unavailable> {
        let Some(deadline) = self.0 else {
            return Ok(POOL_WAIT);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(Unavailable::DeadlineExceeded)
        } else {
            Ok(left.min(POOL_WAIT))
        }
    }
}

/// Runs an attempt, and a second one if the connection was lost or the server chose the first as the
/// victim of a deadlock, because then nothing was committed.
pub(in crate::db) fn retried<T>(attempt: impl Fn() -> Result<T, DbError>) -> Result<T, DbError> {
    match attempt() {
        Err(error) if error.is_worth_a_second_try() => attempt(),
        outcome => outcome,
    }
}

/// Runs work on a connection of the pool.
pub(in crate::db) fn run<T>(
    pool: &Pool<Manager>,
    patience: Deadline,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut conn = checkout(pool, patience)?;
    let outcome = work(&mut conn);
    match &outcome {
        Err(DbError::Unavailable(
            Unavailable::ConnectionLost(_) | Unavailable::CommitUnknown(_),
        )) => conn.mark_lost(),
        Err(DbError::Unavailable(cause @ Unavailable::Pooler(_))) => conn.report_pooler(cause),
        Ok(_) | Err(_) => {}
    }
    outcome
}

/// Takes a connection from the pool. It waits for locks of other processes until the deadline.
pub(in crate::db) fn checkout(
    pool: &Pool<Manager>,
    patience: Deadline,
) -> Result<PooledConnection<Manager>, DbError> {
    let mut conn = pool
        .get_timeout(patience.left()?)
        .map_err(|error| explain(pool, error))?;
    conn.wait_at_most(patience.left()?)?;
    Ok(conn)
}

/// Why there was no connection: all were in use, or none could be opened.
fn explain(pool: &Pool<Manager>, error: r2d2::Error) -> Unavailable {
    if pool.state().connections < pool.max_size() {
        error.into()
    } else {
        Unavailable::InUse
    }
}

/// Runs `work` in a transaction.
pub(in crate::db) fn in_transaction<T, E: From<DieselError> + From<Unavailable>>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    in_pooled_transaction(conn, Pooler::Off.into(), work)
}

/// Runs `work` in a transaction on a connection that may use a pooler.
pub(in crate::db) fn in_pooled_transaction<T, E: From<DieselError> + From<Unavailable>>(
    conn: &mut AnyConnection,
    begin: Begin,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    self::begin(conn, begin)?;
    match work(conn) {
        Ok(value) => match commit(conn) {
            Ok(()) => Ok(value),
            Err(error) => Err(commit_failure(error)),
        },
        Err(error) => {
            roll_back(conn);
            Err(error)
        }
    }
}

/// Begins a transaction. On SQLite it takes the write lock at once: a transaction that reads
/// first would fail at its first write if another process has written meanwhile, regardless of
/// the busy timeout.
pub(in crate::db) fn begin(conn: &mut AnyConnection, begin: Begin) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")
        }
        AnyConnection::Postgres(postgres) => {
            AnsiTransactionManager::begin_transaction_sql(postgres, &postgres::begin(begin))
        }
    }
}

pub(in crate::db) fn commit(conn: &mut AnyConnection) -> QueryResult<()> {
    Transactions::commit_transaction(conn)
}

/// The error for the callers of a failed commit.
pub(in crate::db) fn commit_failure<E: From<DieselError> + From<Unavailable>>(
    error: DieselError,
) -> E {
    if is_lost(&error) && !is_undone(&error) {
        // The server may have committed before it was lost: do not retry.
        Unavailable::CommitUnknown(error).into()
    } else if is_disk_failure(&error) {
        // The kernel drops pages that it could not write: a retry would seem to succeed.
        Unavailable::CommitFailed(error).into()
    } else {
        error.into()
    }
}

pub(in crate::db) fn roll_back(conn: &mut AnyConnection) {
    // A lost connection, or SQLite on a full disk, has rolled back by itself. The caller returns
    // the first error.
    if let Err(rollback) = Transactions::rollback_transaction(conn) {
        log::debug!("rolling back: {rollback}");
    }
}
