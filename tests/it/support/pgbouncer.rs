//! A PgBouncer of the tests' own, on a private socket in front of a cluster.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use bienvenue::db::Pooler;

use super::postgres::{as_user, user};

const PORT: u16 = 6432;

/// A pooler that a test may point to another server. It ends with this process.
pub(crate) struct PgBouncer {
    folder: PathBuf,
    /// Ends, and with it the pooler, when this process does.
    guard: (Child, Option<ChildStdin>),
}

/// The value of `pool_mode` and of `--database-pooler`.
pub(crate) fn mode(pooler: Pooler) -> &'static str {
    match pooler {
        Pooler::Off => "off",
        Pooler::Session => "session",
        Pooler::Transaction => "transaction",
    }
}

impl PgBouncer {
    /// Starts one in front of the server with that socket folder, if the program is on this
    /// machine; else the test is skipped.
    pub(crate) fn start(host: &str, pooler: Pooler, options: &str) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("TEST_REQUIRE_TOOLS").is_none(),
                "pgbouncer is not installed, and TEST_REQUIRE_TOOLS is set"
            );
            eprintln!("SKIPPED: pgbouncer is not installed");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("bienvenue-pgbouncer-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let path = folder.display();
        let settings = format!(
            "[databases]\n%include {path}/databases.ini\n[pgbouncer]\nlisten_port = {PORT}\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\n\
             admin_users = postgres\npool_mode = {}\nmax_client_conn = 500\n\
             server_login_retry = 0.2\nquery_wait_timeout = 2\nlogfile = {path}/log\n{options}\n",
            mode(pooler)
        );
        fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
        fs::write(folder.join("users"), "\"postgres\" \"\"\n").unwrap();
        write_server(&folder, host);
        let user = user();
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let script = format!(
            "trap '' INT TERM; {} -q {path}/pgbouncer.ini & read _; kill -KILL $!; rm -rf {path}",
            program.display()
        );
        let mut shell = as_user(Path::new("/bin/sh"), user)
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipe = shell.stdin.take();
        let pooler = Self {
            folder,
            guard: (shell, pipe),
        };
        super::eventually("the pooler's socket", || {
            pooler.folder.join(format!(".s.PGSQL.{PORT}")).exists()
        });
        Some(pooler)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://postgres@/{database}?host={folder}&port={PORT}")
    }

    /// Sends clients to another server from now on.
    pub(crate) fn point_to(&self, host: &str) {
        write_server(&self.folder, host);
        self.command("RELOAD");
    }

    /// Runs a command of the pooler's console.
    pub(crate) fn command(&self, command: &str) {
        let folder = self.folder.to_str().unwrap();
        let status = Command::new("psql")
            .args([
                "-q",
                "-h",
                folder,
                "-p",
                &PORT.to_string(),
                "-U",
                "postgres",
            ])
            .args(["-c", command, "pgbouncer"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{command}");
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let (shell, pipe) = &mut self.guard;
        drop(pipe.take());
        shell.wait().unwrap();
    }
}

fn write_server(folder: &Path, host: &str) {
    fs::write(folder.join("databases.ini"), format!("* = host={host}\n")).unwrap();
}

/// The program: on the PATH, or where Debian has it.
fn program() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&on_path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
}
