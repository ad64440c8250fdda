//! All or nothing, and what may be tried again.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::result::Error as DieselError;
use r2d2::{Pool, PooledConnection};

use super::any_connection::AnyConnection;
use super::manager::Manager;
use crate::db::error::{is_disk_failure, is_lost, is_undone};
use crate::db::{DbError, Pooler, Unavailable, postgres};
use crate::domain::UserId;

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// How long a request waits for a connection before it is told to come back.
pub(in crate::db) const POOL_WAIT: Duration = Duration::from_secs(2);

/// How long work may wait for a connection and for other writers.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::db) struct Patience(pub(in crate::db) Option<Instant>);

impl Patience {
    pub(in crate::db) fn left(self) -> Result<Duration, Unavailable> {
        let Some(deadline) = self.0 else {
            return Ok(POOL_WAIT);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(Unavailable::Late)
        } else {
            Ok(left.min(POOL_WAIT))
        }
    }
}

/// Runs work on a connection of the pool. Where the server was lost under it, or chose it as
/// the victim of a deadlock, nothing was committed, and it runs a second time.
pub(in crate::db) fn run<T>(
    pool: &Pool<Manager>,
    patience: Patience,
    work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    match attempt(pool, patience, &work) {
        Err(error) if error.is_worth_a_second_try() => attempt(pool, patience, &work),
        outcome => outcome,
    }
}

fn attempt<T>(
    pool: &Pool<Manager>,
    patience: Patience,
    work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut conn = checkout(pool, patience)?;
    let outcome = work(&mut conn);
    match &outcome {
        Err(DbError::Unavailable(Unavailable::Lost(_) | Unavailable::Unknown(_))) => conn.is_lost(),
        Err(DbError::Unavailable(cause @ Unavailable::Pooler(_))) => conn.report_pooler(cause),
        Ok(_) | Err(_) => {}
    }
    outcome
}

/// Takes a connection of the pool that waits for other processes as long as its user may.
pub(in crate::db) fn checkout(
    pool: &Pool<Manager>,
    patience: Patience,
) -> Result<PooledConnection<Manager>, DbError> {
    let mut conn = pool
        .get_timeout(patience.left()?)
        .map_err(|error| explain(pool, error))?;
    conn.wait_at_most(patience.left()?)?;
    Ok(conn)
}

/// Whether others held all connections, or none could be opened.
fn explain(pool: &Pool<Manager>, error: r2d2::Error) -> Unavailable {
    if pool.state().connections < pool.max_size() {
        error.into()
    } else {
        Unavailable::InUse
    }
}

/// Does all of `work` or nothing.
pub(in crate::db) fn in_transaction<T, E: From<DieselError> + From<Unavailable>>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    in_pooled_transaction(conn, Pooler::Off.into(), work)
}

/// How a transaction begins on PostgreSQL, in one round trip.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct Begin {
    /// A pooler by transaction takes the limits with each of them.
    pub(in crate::db) pooler: Pooler,
    /// The user whose row is locked.
    pub(in crate::db) lock: Option<UserId>,
}

impl From<Pooler> for Begin {
    fn from(pooler: Pooler) -> Self {
        Self { pooler, lock: None }
    }
}

/// The same on a connection that may go through a pooler.
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

/// Begins a transaction. On SQLite it takes the write lock: one that reads first and writes
/// later would fail as soon as another process has written in between, whatever the busy
/// timeout says.
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

/// What a commit that failed means for those who wait for it.
pub(in crate::db) fn commit_failure<E: From<DieselError> + From<Unavailable>>(
    error: DieselError,
) -> E {
    if is_lost(&error) && !is_undone(&error) {
        // The server may have committed before it was lost: not to be done twice.
        Unavailable::Unknown(error).into()
    } else if is_disk_failure(&error) {
        // The system forgets what it could not write: a second try would seem to succeed.
        Unavailable::NotWritten(error).into()
    } else {
        error.into()
    }
}

pub(in crate::db) fn roll_back(conn: &mut AnyConnection) {
    // A lost connection, or SQLite on a full disk, has rolled back by itself; the first error
    // tells.
    if let Err(rollback) = Transactions::rollback_transaction(conn) {
        log::debug!("rolling back: {rollback}");
    }
}
