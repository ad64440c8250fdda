//! What is peculiar to PostgreSQL: a server that may be away, and what a session is set to.

mod prepare;
mod privileges;
mod refusal;

use diesel::connection::Connection;
use diesel::pg::PgConnection;
use diesel::result::ConnectionError;
use secrecy::{ExposeSecret, SecretString};

use super::any_connection::AnyConnection;
use crate::domain::PostgresUrl;

pub(super) use prepare::prepare;

/// What a connection is told where the URL does not say otherwise: to give up early, to
/// notice a dead peer, to take a server that can write, and to bound each statement, each
/// wait for a lock, and each pause inside a transaction.
const PARAMETERS: [(&str, &str); 8] = [
    ("connect_timeout", "2"),
    ("keepalives_idle", "20"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
    ("target_session_attrs", "read-write"),
    ("application_name", "bienvenue"),
    (
        "options",
        "-c%20statement_timeout%3D3000%20-c%20lock_timeout%3D1000\
         %20-c%20idle_in_transaction_session_timeout%3D5000",
    ),
];

/// A PostgreSQL database.
#[derive(Debug, Clone)]
pub(super) struct Location {
    url: SecretString,
}

impl Location {
    fn new(url: &PostgresUrl) -> Self {
        Self {
            url: url.with_parameters(&PARAMETERS),
        }
    }
}

/// Opens a connection for a pool.
pub(super) fn connect(location: &Location) -> Result<AnyConnection, ConnectionError> {
    PgConnection::establish(location.url.expose_secret()).map(AnyConnection::Postgres)
}
