//! A PostgreSQL of the tests' own: a throw-away cluster from the server's binaries, on a
//! private socket, stopped and removed when the tests end, however they end.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use bienvenue::db::{DB, DbSettings, Pooler};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryResult};

use super::Engine;
use super::harness::texts;
use super::pgbouncer::{PgBouncer, mode};

/// Where databases are made: on the server that `TEST_POSTGRES_URL` names, or in our own cluster.
enum Server {
    Named(String),
    Own(Cluster),
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);
static PGBOUNCER: OnceLock<Option<PgBouncer>> = OnceLock::new();

/// The pooler that services of this process are behind: none, or the one that
/// `TEST_POSTGRES_POOLER` names.
pub(crate) fn pooler() -> Pooler {
    let named = std::env::var("TEST_POSTGRES_POOLER").unwrap_or_default();
    let poolers = [Pooler::Session, Pooler::Transaction];
    poolers
        .into_iter()
        .find(|pooler| mode(*pooler) == named)
        .unwrap_or(Pooler::Off)
}

/// A database for one test, which is dropped with it.
pub(crate) struct TestDatabase {
    server: &'static Server,
    name: String,
    url: String,
    service_url: String,
    created: OnceLock<()>,
    /// The test's own connection, since a server takes longer to accept one than to answer.
    own: Mutex<Option<PgConnection>>,
}

impl TestDatabase {
    /// Names one, if there is a server for tests. `TEST_POSTGRES_URL` names the server; without it
    /// the binaries on this machine make one. Where there are none the test is skipped.
    pub(crate) fn new() -> Option<Self> {
        if !Engine::Postgres.is_chosen() {
            return None;
        }
        let Some(server) = SERVER.get_or_init(server) else {
            no_server();
            return None;
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bienvenue_test_{}_{number}", std::process::id());
        let url = server.url(&name);
        let service_url = match (pooler(), server) {
            (Pooler::Off, _) | (_, Server::Named(_)) => url.clone(),
            (pooler, Server::Own(cluster)) => PGBOUNCER
                .get_or_init(|| PgBouncer::start(cluster.host(), pooler, ""))
                .as_ref()?
                .url(&name),
        };
        Some(Self {
            server,
            name,
            url,
            service_url,
            created: OnceLock::new(),
            own: Mutex::default(),
        })
    }

    /// Its URL. It is created empty if it is not there yet.
    pub(crate) fn url(&self) -> &str {
        self.create_from("template1");
        &self.url
    }

    /// The URL for the service: through the pooler, where there is one.
    pub(crate) fn service_url(&self) -> &str {
        self.create_from("template1");
        &self.service_url
    }

    /// Uses the test's own connection, or another one if the server has ended it.
    pub(crate) fn with_own<T>(
        &self,
        mut work: impl FnMut(&mut PgConnection) -> QueryResult<T>,
    ) -> T {
        let mut own = self.own.lock().unwrap();
        if let Some(Ok(done)) = own.as_mut().map(&mut work) {
            return done;
        }
        let conn = own.insert(PgConnection::establish(self.url()).unwrap());
        work(conn).unwrap()
    }

    /// Creates it with the schema, if it is not there yet.
    pub(crate) fn create_migrated(&self) {
        match self.server {
            Server::Named(_) => self.create_from("template1"),
            Server::Own(cluster) => {
                static MIGRATED: OnceLock<()> = OnceLock::new();
                let name = "bienvenue_migrated";
                MIGRATED.get_or_init(|| {
                    self.server.execute(&format!("CREATE DATABASE {name}"));
                    let url = cluster.url(name).parse().unwrap();
                    drop(DB::open(&url, DbSettings::default()).unwrap());
                    // The server copies no database that has connections.
                    self.server.execute(&format!(
                        "ALTER DATABASE {name} ALLOW_CONNECTIONS false;
                         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                    ));
                });
                self.create_from(name);
            }
        }
    }

    fn create_from(&self, template: &str) {
        self.created.get_or_init(|| {
            let strategy = self.server.strategy();
            let sql = format!(
                "CREATE DATABASE {} TEMPLATE {template}{strategy}",
                self.name
            );
            self.server.execute(&sql);
        });
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = self.server;
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        match server {
            Server::Named(_) => server.execute(&sql),
            // The server waits until the connections are gone, and the test need not: the cluster goes away as well.
            Server::Own(_) => drop(thread::spawn(move || server.execute(&sql))),
        }
    }
}

fn server() -> Option<Server> {
    if let Ok(url) = std::env::var("TEST_POSTGRES_URL") {
        return Some(Server::Named(url));
    }
    Cluster::create(QUICK).map(Server::Own)
}

/// Settings of a cluster whose data need not survive.
const QUICK: &str = "-c fsync=off -c full_page_writes=off -c wal_level=minimal \
    -c max_wal_senders=0 -c autovacuum=off";

/// Says that a test is skipped for want of a server; where `TEST_REQUIRE_POSTGRES` is set,
/// as in CI, that is a failure.
fn no_server() {
    assert!(
        std::env::var_os("TEST_REQUIRE_POSTGRES").is_none(),
        "there is no PostgreSQL server on this machine, and TEST_REQUIRE_POSTGRES is set"
    );
    eprintln!("SKIPPED: no PostgreSQL server on this machine");
}

impl Server {
    fn url(&self, database: &str) -> String {
        match self {
            Self::Own(cluster) => cluster.url(database),
            Self::Named(url) => {
                let (head, query) = url.split_once('?').unwrap_or((url, ""));
                let head = head.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                format!("{head}/{database}?{query}")
            }
        }
    }

    /// How a database is copied: as files, which takes half the time, where the server can do that.
    fn strategy(&self) -> &'static str {
        static FILES: OnceLock<bool> = OnceLock::new();
        let Self::Own(cluster) = self else { return "" };
        let copies_files = FILES.get_or_init(|| {
            let version = "SELECT current_setting('server_version_num') AS value";
            let version = texts(&cluster.url("postgres"), version);
            version[0].parse::<u32>().unwrap() >= 150_000
        });
        if *copies_files {
            " STRATEGY file_copy"
        } else {
            ""
        }
    }

    fn execute(&self, sql: &str) {
        static IDLE: Mutex<Vec<PgConnection>> = Mutex::new(Vec::new());
        let idle = IDLE.lock().unwrap().pop();
        let mut conn = idle.unwrap_or_else(|| {
            let url = match self {
                Self::Own(_) => self.url("postgres"),
                Self::Named(url) => url.clone(),
            };
            PgConnection::establish(&url).unwrap()
        });
        conn.batch_execute(sql).unwrap();
        IDLE.lock().unwrap().push(conn);
    }
}

/// Runs SQL on a server.
pub(crate) fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::establish(url).unwrap();
    conn.batch_execute(sql).unwrap();
}

/// A cluster that a test may stop, start, and kill.
pub(crate) struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    options: String,
    /// Ends, and with it the cluster, when this process does.
    _guard: (Child, ChildStdin),
}

impl Cluster {
    /// Makes and starts one, if the server's binaries are on this machine; else the test is
    /// skipped. As root it runs as another user, because the server refuses root.
    pub(crate) fn create(options: &str) -> Option<Self> {
        static INITIAL: OnceLock<Option<Cluster>> = OnceLock::new();
        if !Engine::Postgres.is_chosen() {
            return None;
        }
        let initial = INITIAL.get_or_init(|| {
            let initial = Self::without_data("")?;
            let options = "-U postgres -A trust -E UTF8 --locale=C --no-sync";
            let options: Vec<&str> = options.split(' ').collect();
            initial.run("initdb", &options);
            Some(initial)
        });
        let from = initial.as_ref()?.path("data");
        let cluster = Self::without_data(options)?;
        let copied = as_user(Path::new("cp"), cluster.user)
            .args(["-R", &from, &cluster.path("data")])
            .status();
        assert!(copied.unwrap().success());
        cluster.start();
        Some(cluster)
    }

    /// Makes and starts another one that follows this one.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::without_data("").unwrap();
        standby.run(
            "pg_basebackup",
            &[
                "-h",
                self.folder.to_str().unwrap(),
                "-U",
                "postgres",
                "-R",
                "-c",
                "fast",
                "--no-sync",
            ],
        );
        standby.start();
        standby
    }

    fn without_data(options: &str) -> Option<Self> {
        let Some(binaries) = binaries() else {
            no_server();
            return None;
        };
        let user = user();
        let folder = tempfile::Builder::new()
            .prefix("bienvenue-pg-")
            .tempdir_in(super::scratch())
            .unwrap()
            .keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let guard = guard(&folder, &binaries, user).unwrap();
        Some(Self {
            options: format!(
                "-c listen_addresses= -c max_connections=300 -c unix_socket_directories={} {options}",
                folder.display()
            ),
            folder,
            binaries,
            user,
            _guard: guard,
        })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@/{database}?host={}",
            self.folder.display()
        )
    }

    pub(crate) fn start(&self) {
        self.run(
            "pg_ctl",
            &["start", "-w", "-o", &self.options, "-l", &self.path("log")],
        );
    }

    /// The folder of its socket, as `host` in a URL.
    pub(crate) fn host(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// The log of the server.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("log")).unwrap()).into_owned()
    }

    /// Makes a standby a server that can write.
    pub(crate) fn promote(&self) {
        self.run("pg_ctl", &["promote", "-w"]);
    }

    /// Stops it: `smart`, `fast` or `immediate`.
    pub(crate) fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "-w", "-m", mode]);
    }

    pub(crate) fn restart(&self) {
        self.run(
            "pg_ctl",
            &[
                "restart",
                "-w",
                "-m",
                "fast",
                "-o",
                &self.options,
                "-l",
                &self.path("log"),
            ],
        );
    }

    /// Ends the server and all its processes as a power failure would.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
        let socket = self.path(".s.PGSQL.5432");
        for left in [
            self.path("data/postmaster.pid"),
            socket.clone(),
            format!("{socket}.lock"),
        ] {
            drop(fs::remove_file(left));
        }
    }

    /// Sends a signal to the server and all its processes.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.path("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        // It is halted first: it could start another process between the look and the signal.
        let kill = format!("kill -STOP {pid}; kill -{signal} $(pgrep -P {pid}) {pid}");
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let data = self.path("data");
        // Where only the server's own binaries are beside each other, the PATH has the rest.
        let beside = self.binaries.join(program);
        let program = if beside.is_file() {
            beside
        } else {
            PathBuf::from(program)
        };
        let output = as_user(&program, self.user)
            .args(["-D", &data])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .status()
            .unwrap();
        assert!(
            output.success(),
            "{} {arguments:?} failed",
            program.display()
        );
    }
}

/// The folder with the server's binaries: on the PATH, or where Debian hides them.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path()).collect();
        versions.sort();
        folders.extend(
            versions
                .into_iter()
                .rev()
                .map(|version| version.join("bin")),
        );
    }
    folders.into_iter().find(|folder| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|name| folder.join(name).is_file())
    })
}

/// The user to run the server as; none for the current one.
pub(super) fn user() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(
        find("postgres")
            .or_else(|| find("nobody"))
            .expect("a user to run the server as"),
    )
}

pub(super) fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/tmp").env("LC_ALL", "C");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// A shell that waits for our end and then clears up. Its standard input is a pipe from this
/// process, which the system closes whatever becomes of us.
fn guard(
    folder: &Path,
    binaries: &Path,
    user: Option<(u32, u32)>,
) -> io::Result<(Child, ChildStdin)> {
    let script = format!(
        "trap '' INT TERM; read _; pid=$(head -n 1 {folder}/data/postmaster.pid); \
         kill -CONT $pid $(pgrep -P $pid); {bin}/pg_ctl -D {folder}/data -m immediate stop; rm -rf {folder}",
        bin = binaries.display(),
        folder = folder.display(),
    );
    let mut child = as_user(Path::new("/bin/sh"), user)
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let pipe = child.stdin.take().expect("it was asked for");
    Ok((child, pipe))
}
