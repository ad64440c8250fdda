//! All or nothing, and what may be tried again.

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::result::Error as DieselError;
use r2d2::Pool;

use super::any_connection::AnyConnection;
use super::error::{is_lost, is_undone};
use super::manager::Manager;
use super::{DbError, Unavailable};

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// Runs work on a connection of the pool. Where the server was lost under it, or chose it as
/// the victim of a deadlock, nothing was committed, and it runs a second time.
pub(super) fn run<T>(
    pool: &Pool<Manager>,
    work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    match attempt(pool, &work) {
        Err(error) if error.is_worth_a_second_try() => attempt(pool, &work),
        outcome => outcome,
    }
}

fn attempt<T>(
    pool: &Pool<Manager>,
    work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut conn = pool.get()?;
    let outcome = work(&mut conn);
    if let Err(DbError::Unavailable(Unavailable::Lost(_) | Unavailable::Unknown(_))) = &outcome {
        conn.is_lost();
    }
    outcome
}

/// Does all of `work` or nothing. On SQLite the transaction takes the write lock at its
/// beginning: one that reads first and writes later would fail as soon as another process
/// has written in between, whatever the busy timeout says.
pub(super) fn in_transaction<T, E: From<DieselError> + From<Unavailable>>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    match conn {
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        }
        AnyConnection::Postgres(_) => Transactions::begin_transaction(conn)?,
    }
    match work(conn) {
        Ok(value) => match Transactions::commit_transaction(conn) {
            Ok(()) => Ok(value),
            // The server may have committed before it was lost: not to be done twice.
            Err(error) if is_lost(&error) && !is_undone(&error) => {
                Err(Unavailable::Unknown(error).into())
            }
            Err(error) => Err(error.into()),
        },
        Err(error) => {
            // A lost connection, or SQLite on a full disk, has rolled back by itself; the first
            // error tells.
            if let Err(rollback) = Transactions::rollback_transaction(conn) {
                log::debug!("rolling back: {rollback}");
            }
            Err(error)
        }
    }
}
