//! Connection poolers in front of the server: detects a wrong `--database-pooler`.

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::postgres::{Location, connect};
use crate::db::{DbError, OpenError, Pooler};
use crate::domain::PostgresUrl;

/// How often two connections are compared. A busy pooler may assign a server connection to another
/// client in between.
const COMPARISONS: usize = 3;

#[derive(QueryableByName)]
struct BackendRow {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

#[derive(QueryableByName)]
struct SettingRow {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Detects a pooler by the error of a failed connection.
pub(super) fn explain(url: &PostgresUrl, pooler: Pooler, error: &str) -> Option<OpenError> {
    let (_, parameter) = error.split_once("unsupported startup parameter")?;
    Some(OpenError::Pooler {
        url: url.to_string(),
        finding: format!("unsupported startup parameter{parameter}"),
        remedy: match pooler {
            Pooler::Off => {
                "set --database-pooler (BIENVENUE_DATABASE_POOLER) to its pool_mode: session or \
                 transaction"
            }
            Pooler::Session | Pooler::Transaction => {
                "remove this parameter from DATABASE_URL, or name it in ignore_startup_parameters \
                 in pgbouncer.ini"
            }
        },
    })
}

/// Refuses a pooler in transaction mode if the settings say otherwise. Warns if statements have
/// no time limit.
pub(super) fn check(
    conn: &mut AnyConnection,
    location: &Location,
    url: &PostgresUrl,
) -> Result<(), OpenError> {
    match location.pooler {
        Pooler::Off | Pooler::Session => {
            if shares_server_connections(conn, location).map_err(DbError::from)? {
                return Err(OpenError::Pooler {
                    url: url.to_string(),
                    finding: "two clients shared a server connection".to_owned(),
                    remedy: "set --database-pooler (BIENVENUE_DATABASE_POOLER) to transaction",
                });
            }
        }
        Pooler::Transaction => {
            let sql = "SELECT current_setting('statement_timeout') AS value";
            let limit: SettingRow = sql_query(sql).get_result(conn).map_err(DbError::from)?;
            if limit.value == "0" {
                log::warn!(
                    "reads behind the pooler {url} have no time limit: run ALTER ROLE ... SET \
                     statement_timeout = '3s' for the role of DATABASE_URL, then RECONNECT in \
                     PgBouncer's console"
                );
            }
        }
    }
    Ok(())
}

/// Whether a pooler in transaction mode assigns the server connections. Without a pooler, and in
/// session mode, each of two clients keeps its own. Returns false if no second connection can be
/// opened.
fn shares_server_connections(
    conn: &mut AnyConnection,
    location: &Location,
) -> Result<bool, DieselError> {
    let Ok(mut other) = connect(location) else {
        return Ok(false);
    };
    let (own, others) = (backend(conn)?, backend(&mut other)?);
    for _ in 1..COMPARISONS {
        if own == others || backend(conn)? != own || backend(&mut other)? != others {
            return Ok(true);
        }
    }
    Ok(own == others)
}

fn backend(conn: &mut AnyConnection) -> QueryResult<i32> {
    let row: BackendRow = sql_query("SELECT pg_backend_pid() AS pid").get_result(conn)?;
    Ok(row.pid)
}
