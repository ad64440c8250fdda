//! Opens connections to a PostgreSQL server, and begins transactions there.

use std::borrow::Cow;

use diesel::connection::{CacheSize, Connection, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use diesel::sql_query;
use diesel::sql_types::Text;
use secrecy::{ExposeSecret, SecretString};

use super::any_connection::AnyConnection;
use crate::db::Pooler;
use crate::domain::{PostgresUrl, UserId};

/// Connection parameters, unless the URL sets them: short timeouts, detection of a dead peer, and
/// a name.
const PARAMETERS: [(&str, &str); 6] = [
    ("connect_timeout", "2"),
    ("keepalives_idle", "20"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
    ("application_name", "bienvenue"),
];

/// Selects a server that can write.
const WRITABLE: (&str, &str) = ("target_session_attrs", "read-write");

/// Limits each statement, each wait for a lock, and each pause in a transaction, in milliseconds:
/// as a startup parameter, for a session, and for a transaction.
///
/// Also lets the planner follow indexes, whatever it knows of a table. With bitmap scans and old
/// statistics, it reads and sorts all due rows for each batch of the cleanup; with sequential scans,
/// it keeps a plan that was made for a small table while that grows. What has no index is scanned as
/// before, but the planner takes it for expensive and would compile it: so without JIT.
const OPTIONS: (&str, &str) = (
    "options",
    "-c%20statement_timeout%3D3000%20-c%20lock_timeout%3D1000\
     %20-c%20idle_in_transaction_session_timeout%3D5000%20-c%20enable_bitmapscan%3Doff\
     %20-c%20enable_seqscan%3Doff%20-c%20jit%3Doff",
);
const LIMIT_SESSION: &str = "SET statement_timeout = 3000; SET lock_timeout = 1000; \
     SET idle_in_transaction_session_timeout = 5000; SET enable_bitmapscan = off; \
     SET enable_seqscan = off; SET jit = off";
const BEGIN_LIMITED: &str = "BEGIN; SET LOCAL statement_timeout = 3000; \
     SET LOCAL lock_timeout = 1000; SET LOCAL idle_in_transaction_session_timeout = 5000; \
     SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

/// A PostgreSQL database.
#[derive(Debug, Clone)]
pub(in crate::db) struct Location {
    url: SecretString,
    pub(in crate::db) pooler: Pooler,
}

impl Location {
    pub(in crate::db) fn new(url: &PostgresUrl, pooler: Pooler) -> Self {
        let mut parameters = PARAMETERS.to_vec();
        match pooler {
            Pooler::Off => parameters.extend([WRITABLE, OPTIONS]),
            // A pooler repeats the status of its first server connection, and libpq would refuse
            // a promoted standby forever. But with several hosts only libpq can choose one.
            Pooler::Session | Pooler::Transaction if url.has_several_hosts() => {
                parameters.push(WRITABLE);
            }
            Pooler::Session | Pooler::Transaction => {}
        }
        Self {
            url: url.with_parameters(&parameters),
            pooler,
        }
    }
}

/// Opens a connection for a pool.
pub(in crate::db) fn connect(location: &Location) -> Result<AnyConnection, ConnectionError> {
    let mut conn = PgConnection::establish(location.url.expose_secret())?;
    match location.pooler {
        Pooler::Off => {}
        Pooler::Session => conn
            .batch_execute(LIMIT_SESSION)
            .and_then(|()| expect_writable(&mut conn))
            .map_err(ConnectionError::CouldntSetupConfiguration)?,
        Pooler::Transaction => {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
            expect_writable(&mut conn).map_err(ConnectionError::CouldntSetupConfiguration)?;
        }
    }
    Ok(AnyConnection::Postgres(conn))
}

#[derive(QueryableByName)]
struct SettingRow {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Refuses a server that cannot write, as `target_session_attrs` does without a pooler.
fn expect_writable(conn: &mut PgConnection) -> QueryResult<()> {
    let sql = "SELECT current_setting('transaction_read_only') AS value";
    let read_only: SettingRow = sql_query(sql).get_result(conn)?;
    if read_only.value == "on" {
        let message = "the server behind the pooler is read-only".to_owned();
        let kind = DatabaseErrorKind::ReadOnlyTransaction;
        return Err(DieselError::DatabaseError(kind, Box::new(message)));
    }
    Ok(())
}

/// How a transaction begins on PostgreSQL, in one round trip.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct Begin {
    /// With a pooler in transaction mode, each transaction has to set the time limits itself.
    pub(in crate::db) pooler: Pooler,
    /// The user whose row is locked.
    pub(in crate::db) lock: Option<UserId>,
}

impl From<Pooler> for Begin {
    fn from(pooler: Pooler) -> Self {
        Self { pooler, lock: None }
    }
}

/// The SQL that begins a transaction, in one round trip.
pub(in crate::db) fn begin(begin: Begin) -> Cow<'static, str> {
    let sql = match begin.pooler {
        // The session has the limits already.
        Pooler::Off | Pooler::Session => "BEGIN",
        Pooler::Transaction => BEGIN_LIMITED,
    };
    match begin.lock {
        None => sql.into(),
        // The same lock as that of an update of the row.
        Some(user_id) => {
            let id = user_id.get();
            format!("{sql}; SELECT FROM users WHERE id = {id} FOR NO KEY UPDATE").into()
        }
    }
}
