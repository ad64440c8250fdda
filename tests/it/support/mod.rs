//! Shared by the tests: a service in the process, and the real program.

pub(crate) mod app;
pub(crate) mod authenticator;
pub(crate) mod dump;
pub(crate) mod echo;
pub(crate) mod flask;
pub(crate) mod guide;
pub(crate) mod harness;
pub(crate) mod mailbox;
pub(crate) mod manager;
pub(crate) mod openapi;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod requests;
pub(crate) mod statements;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bienvenue::db::{DB, DbSettings};
use bienvenue::domain::{Clock, DatabaseSettings, DatabaseUrl, Email, Password, Timestamp};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryResult, RunQueryDsl, SqliteConnection};
use tempfile::TempDir;

use postgres::TestDatabase;

/// The folder for databases: in memory if there is room, because few tests are about a disk.
pub(crate) fn scratch() -> PathBuf {
    const ROOM: u64 = 4 << 30;
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
    if free > ROOM {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// A moment that tests start from.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The engines that the tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Whether the tests run on this engine: `TEST_ENGINE` names one of them, else they run on both.
    pub(crate) fn is_chosen(self) -> bool {
        match std::env::var("TEST_ENGINE").as_deref() {
            Ok("sqlite") => self == Self::Sqlite,
            Ok("postgres") => self == Self::Postgres,
            Ok(other) => panic!("TEST_ENGINE is {other}; it must be sqlite or postgres"),
            Err(_) => true,
        }
    }
}

/// A folder with a database in it or beside it, which goes away with the test.
pub(crate) struct Place {
    server: Option<TestDatabase>,
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        statements::record();
        Self {
            server: None,
            folder: tempfile::tempdir_in(scratch()).unwrap(),
        }
    }

    /// In a folder on a disk, for tests of what only a disk's file system does.
    pub(crate) fn on_disk() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            ..Self::new()
        }
    }

    /// On that engine, if it is on this machine and the tests run on it.
    pub(crate) fn on(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => engine.is_chosen().then(Self::new),
            Engine::Postgres => TestDatabase::new().map(|server| Self {
                server: Some(server),
                ..Self::new()
            }),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        match &self.server {
            None => DatabaseUrl::sqlite(self.path("bienvenue.db")),
            Some(server) => server.service_url().parse().unwrap(),
        }
    }

    /// The URL as a setting.
    pub(crate) fn url_text(&self) -> String {
        match &self.server {
            None => format!("sqlite://{}", self.path("bienvenue.db").display()),
            Some(server) => server.service_url().to_owned(),
        }
    }

    /// The database, migrated. A new one is a copy of one that is migrated.
    pub(crate) fn open(&self, settings: DbSettings) -> DB {
        match &self.server {
            Some(server) => server.create_migrated(),
            None => copy_migrated(&self.path("bienvenue.db")),
        }
        DB::open(&self.url(), settings).unwrap()
    }

    /// Makes the schema of a version before that migration, as that version did.
    pub(crate) fn migrate_before(&self, migration: &str) {
        let engine = self.server.as_ref().map_or("sqlite", |_| "postgres");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = std::fs::read_dir(folder.join("migrations").join(engine))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap() < migration)
            .collect();
        names.sort();
        let mut conn = self.connect();
        conn.execute(
            "CREATE TABLE __diesel_schema_migrations (
                 version VARCHAR(50) PRIMARY KEY NOT NULL,
                 run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
             );",
        );
        for path in names {
            conn.execute(&std::fs::read_to_string(path.join("up.sql")).unwrap());
            let name = path.file_name().unwrap().to_str().unwrap();
            let version = name.split('_').next().unwrap().replace('-', "");
            conn.execute(&format!(
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');"
            ));
        }
    }

    /// Another connection to the database, beside those that are open.
    pub(crate) fn connect(&self) -> Other {
        match &self.server {
            None => Other::Sqlite(connect(&self.path("bienvenue.db"))),
            Some(server) => Other::Postgres(PgConnection::establish(server.url()).unwrap()),
        }
    }

    /// Runs SQL on the database, over a connection that no service has.
    pub(crate) fn sql(&self, sql: &str) {
        match &self.server {
            None => sqlite(&self.path("bienvenue.db"), sql),
            Some(server) => server.with_own(|conn| conn.batch_execute(sql)),
        }
    }

    /// Reads one column of texts, named `value`.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        match &self.server {
            None => texts(&self.path("bienvenue.db"), sql),
            Some(server) => server.with_own(|conn| load(conn, sql)),
        }
    }
}

/// Copies a migrated SQLite database to a file that is not there yet.
fn copy_migrated(file: &Path) {
    static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();
    if file.exists() {
        return;
    }
    let migrated = MIGRATED.get_or_init(|| {
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let file = folder.path().join("migrated.db");
        drop(DB::open(&DatabaseUrl::sqlite(file.clone()), DbSettings::default()).unwrap());
        // All is in the file, and nothing in its write-ahead log.
        sqlite(&file, "PRAGMA wal_checkpoint(TRUNCATE)");
        std::fs::read(file).unwrap()
    });
    std::fs::write(file, migrated).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A connection that is none of the service's.
pub(crate) enum Other {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Other {
    pub(crate) fn execute(&mut self, sql: &str) {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql).unwrap(),
            Self::Postgres(conn) => conn.batch_execute(sql).unwrap(),
        }
    }
}

/// Runs SQL on a file, which is created if need be.
pub(crate) fn sqlite(file: &Path, sql: &str) {
    connect(file).batch_execute(sql).unwrap();
}

/// Reads one column, named `value`, of texts.
pub(crate) fn texts(file: &Path, sql: &str) -> Vec<String> {
    load(&mut connect(file), sql).unwrap()
}

fn load<C>(conn: &mut C, sql: &str) -> QueryResult<Vec<String>>
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, TextRow>,
{
    let rows: Vec<TextRow> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

#[derive(diesel::QueryableByName)]
struct TextRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

fn connect(file: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout=5000; PRAGMA foreign_keys=OFF;")
        .unwrap();
    conn
}

/// Settings for a test: a clock that stands still.
pub(crate) fn settings(clock: &Clock) -> DbSettings {
    DbSettings {
        readers: 2,
        database: DatabaseSettings {
            database_pooler: postgres::pooler(),
            ..DatabaseSettings::default()
        },
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

/// Waits until `so` is true, for at most ten seconds.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut pause = Pause::default();
    while !so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        pause.sleep();
    }
}

/// Pauses between looks: one millisecond at first, ten at most.
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(1))
    }
}

impl Pause {
    pub(crate) fn sleep(&mut self) {
        std::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(Duration::from_millis(10));
    }
}

/// Runs a use case until it waits for its first hash.
pub(crate) fn until_hash<F: Future>(use_case: F) -> Pin<Box<F>> {
    let mut use_case = Box::pin(use_case);
    let mut context = Context::from_waker(Waker::noop());
    assert!(use_case.as_mut().poll(&mut context).is_pending());
    use_case
}

/// Whether a program is there. Without it a test is skipped, and says so; where
/// `TEST_REQUIRE_TOOLS` is set, as in CI, that is a failure.
pub(crate) fn has_tool(tool: &str) -> bool {
    has(tool, || {
        Command::new(tool).arg("--version").output().is_ok()
    })
}

/// Debian's interpreter, which has Debian's packages.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Whether Debian's Python has a module. Without it a test is skipped as without a tool.
pub(crate) fn has_python_module(module: &str, package: &str) -> bool {
    has(package, || {
        let import = Command::new(PYTHON)
            .args(["-c", &format!("import {module}")])
            .output();
        import.is_ok_and(|output| output.status.success())
    })
}

/// Looks once whether something is installed: Chromium takes longer to say its version than many tests.
fn has(name: &str, is_there: impl FnOnce() -> bool) -> bool {
    static KNOWN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let known = KNOWN.lock().unwrap().get(name).copied();
    let there = known.unwrap_or_else(is_there);
    KNOWN.lock().unwrap().insert(name.to_owned(), there);
    if !there {
        assert!(
            std::env::var_os("TEST_REQUIRE_TOOLS").is_none(),
            "{name} is not installed, and TEST_REQUIRE_TOOLS is set"
        );
        eprintln!("SKIPPED: {name} is not installed");
    }
    there
}
