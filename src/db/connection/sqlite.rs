//! Opens connections to a SQLite file, with its pragmas.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::{Connection, SimpleConnection};
use diesel::result::ConnectionError;
use diesel::sqlite::SqliteConnection;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::any_connection::AnyConnection;
use crate::db::DbSettings;

/// The purpose of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) enum Role {
    /// Reads. On SQLite the connection cannot write.
    Reader,
    /// Writes. On SQLite there is one such connection.
    Writer,
}

/// How long a connection waits for a lock of another process. The pragmas below set the same.
pub(in crate::db) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An existing SQLite file.
#[derive(Debug, Clone)]
pub(in crate::db) struct Location {
    path: PathBuf,
    /// The page cache of a connection, in KiB.
    cache_kib: u64,
}

impl Location {
    pub(in crate::db) fn new(path: PathBuf, settings: &DbSettings) -> Self {
        let connections = u64::from(settings.readers.max(1)) + 1;
        Self {
            path,
            cache_kib: (u64::from(settings.database.database_cache) << 10) / connections,
        }
    }

    pub(in crate::db) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the write-ahead log.
    pub(in crate::db) fn wal(&self) -> PathBuf {
        self.beside("-wal")
    }

    pub(in crate::db) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(ending);
        PathBuf::from(name)
    }

    /// A URI that opens the file but never creates it: a missing file is an error, not an empty
    /// database.
    fn uri(&self) -> String {
        const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'/')
            .remove(b'-')
            .remove(b'_')
            .remove(b'.');
        let bytes = self.path.as_os_str().as_encoded_bytes();
        format!("file:{}?mode=rw", percent_encode(bytes, ESCAPED))
    }

    /// Opens the file without any pragma that would change it.
    pub(in crate::db) fn connect_plainly(&self) -> Result<SqliteConnection, ConnectionError> {
        let mut conn = SqliteConnection::establish(&self.uri())?;
        conn.batch_execute(
            "PRAGMA busy_timeout=2000; PRAGMA foreign_keys=OFF; PRAGMA cell_size_check=ON;",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }
}

/// Opens a connection for a pool. The busy timeout comes first, so that it applies to the other
/// pragmas.
pub(in crate::db) fn connect(
    location: &Location,
    role: Role,
) -> Result<AnyConnection, ConnectionError> {
    const COMMON: &str = "PRAGMA busy_timeout=2000;
        PRAGMA journal_mode=WAL;
        PRAGMA synchronous=FULL;
        PRAGMA foreign_keys=ON;
        PRAGMA trusted_schema=OFF;
        PRAGMA cell_size_check=ON;
        PRAGMA secure_delete=FAST;
        PRAGMA wal_autocheckpoint=1000;
        PRAGMA journal_size_limit=67108864;";
    let mut conn = SqliteConnection::establish(&location.uri())?;
    conn.batch_execute(COMMON)
        .and_then(|()| conn.batch_execute(&format!("PRAGMA cache_size=-{};", location.cache_kib)))
        .and_then(|()| match role {
            Role::Reader => conn.batch_execute("PRAGMA query_only=ON;"),
            Role::Writer => Ok(()),
        })
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(AnyConnection::Sqlite(conn))
}

/// Sets how long a connection waits for a lock of another process.
pub(in crate::db) fn wait_at_most(conn: &mut SqliteConnection, wait: Duration) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA busy_timeout={}", wait.as_millis()))
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::*;

    #[derive(QueryableByName)]
    struct TextRow {
        #[diesel(sql_type = Text)]
        value: String,
    }

    fn value(conn: &mut SqliteConnection, sql: &str) -> String {
        let row: TextRow = diesel::sql_query(sql).get_result(conn).unwrap();
        row.value
    }

    fn pragma(conn: &mut AnyConnection, name: &str) -> String {
        let AnyConnection::Sqlite(conn) = conn else {
            unreachable!()
        };
        let sql = format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}");
        value(conn, &sql)
    }

    #[test]
    fn r89_r90_connections_wait_check_keys_and_write_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a?b%20.db");
        std::fs::write(&path, "").unwrap();
        let location = Location::new(path, &DbSettings::default());
        for (role, query_only) in [(Role::Writer, "0"), (Role::Reader, "1")] {
            let mut conn = connect(&location, role).unwrap();
            for (name, value) in [
                ("journal_mode", "wal"),
                ("synchronous", "2"),
                ("foreign_keys", "1"),
                ("trusted_schema", "0"),
                ("secure_delete", "2"),
                ("query_only", query_only),
                ("cache_size", "-13107"),
            ] {
                assert_eq!(pragma(&mut conn, name), value, "{name}");
            }
            let AnyConnection::Sqlite(conn) = &mut conn else {
                unreachable!()
            };
            let wait = "SELECT CAST(timeout AS TEXT) AS value FROM pragma_busy_timeout";
            assert_eq!(value(conn, wait), "2000");
        }
    }

    /// `.cargo/config.toml` says why.
    #[test]
    fn sqlite_is_compiled_for_several_threads() {
        #[derive(QueryableByName)]
        struct Flag {
            #[diesel(sql_type = Text)]
            compile_options: String,
        }
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let flags: Vec<Flag> =
            diesel::sql_query("SELECT compile_options FROM pragma_compile_options")
                .load(&mut conn)
                .unwrap();
        let has = |name: &str| flags.iter().any(|flag| flag.compile_options == name);
        for flag in [
            "THREADSAFE=2",
            "DEFAULT_MEMSTATUS=0",
            "DEFAULT_PCACHE_INITSZ=0",
            "OMIT_LOAD_EXTENSION",
        ] {
            assert!(has(flag), "{flag}");
        }
        for flag in [
            "ENABLE_MEMORY_MANAGEMENT",
            "ENABLE_FTS3",
            "ENABLE_FTS5",
            "ENABLE_RTREE",
        ] {
            assert!(!has(flag), "{flag}");
        }
    }

    #[test]
    fn a_missing_file_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::new(folder.path().join("gone.db"), &DbSettings::default());
        assert!(connect(&location, Role::Writer).is_err());
        assert!(!location.path().exists());
    }
}
