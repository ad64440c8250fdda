//! What the tests share: a service in the process, and the real program.

pub(crate) mod app;
pub(crate) mod flask;
pub(crate) mod program;

use std::process::Command;

use bienvenue::db::{DB, DbSettings};
use bienvenue::domain::{Clock, DatabaseUrl, Email, Password, Timestamp};
use tempfile::TempDir;

/// A moment that tests start from.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A folder with a database in it, which goes away with the test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::sqlite(self.path("bienvenue.db"))
    }

    pub(crate) fn open(&self, settings: DbSettings) -> DB {
        DB::open(&self.url(), settings).unwrap()
    }

    /// Runs SQL on the database beside whoever has it open, with the sqlite3 of Python's
    /// kind: another connection of the bundled library.
    pub(crate) fn sql(&self, sql: &str) {
        sqlite(&self.path("bienvenue.db"), sql);
    }

    /// Reads one column of texts.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        texts(&self.path("bienvenue.db"), sql)
    }
}

/// Runs SQL on a file, which is created if need be.
pub(crate) fn sqlite(file: &std::path::Path, sql: &str) {
    use diesel::connection::SimpleConnection;
    connect(file).batch_execute(sql).unwrap();
}

/// Reads one column, named `value`, of texts.
pub(crate) fn texts(file: &std::path::Path, sql: &str) -> Vec<String> {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }
    let rows: Vec<Row> = diesel::sql_query(sql).load(&mut connect(file)).unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

fn connect(file: &std::path::Path) -> diesel::SqliteConnection {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    let mut conn = diesel::SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout=5000; PRAGMA foreign_keys=OFF;")
        .unwrap();
    conn
}

/// Settings for a test: a clock that stands still.
pub(crate) fn settings(clock: &Clock) -> DbSettings {
    DbSettings {
        readers: 2,
        clock: clock.clone(),
        ..DbSettings::default()
    }
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(crate) fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

/// Tries until it is so, for ten seconds at the most.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !so() {
        assert!(std::time::Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Whether a program is there. Without it a test is skipped, and says so; where
/// `TEST_REQUIRE_TOOLS` is set, as in CI, that is a failure.
pub(crate) fn has_tool(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        assert!(
            std::env::var_os("TEST_REQUIRE_TOOLS").is_none(),
            "{tool} is not installed, and TEST_REQUIRE_TOOLS is set"
        );
        eprintln!("SKIPPED: {tool} is not installed");
    }
    there
}
