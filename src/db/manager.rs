use diesel::r2d2::R2D2Connection;
use diesel::result::ConnectionError;

use super::any_connection::AnyConnection;
use super::sqlite;

/// Opens the connections of a pool. The engine was picked by the URL's scheme, once: the
/// connection enum's own `establish` tries its variants in turn, and would make an empty
/// SQLite file of a mistyped URL.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    target: Target,
    role: Role,
}

/// What to connect to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A SQLite file that is there.
    Sqlite(sqlite::Location),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// Look-ups; it cannot write.
    Reader,
    /// Changes, one at a time.
    Writer,
}

impl Manager {
    pub(super) fn new(target: Target, role: Role) -> Self {
        Self { target, role }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<AnyConnection, ConnectionError> {
        match &self.target {
            Target::Sqlite(location) => sqlite::connect(location, self.role),
        }
    }

    fn is_valid(&self, _: &mut AnyConnection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        conn.is_broken()
    }
}
