//! Faults of the disk, the file and its other users, against the real program on SQLite. Each
//! prints its numbers; acknowledged writes lost and half states have to be 0.

mod damage;
mod full;
mod locked;
mod migrations;
mod read_only;
mod syncs;
mod wal;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};

use crate::support::program::{Server, program};
use crate::support::{Place, has_tool, texts};

const PASSWORD: &str = "bob_pwd";

/// The service as a client sees it, and how long it takes.
#[derive(Clone)]
struct Visitor {
    client: Client,
    url: String,
}

struct Answer {
    status: u16,
    retry_after: bool,
    body: String,
    took: Duration,
}

impl Visitor {
    fn of(server: &Server) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(40)).build();
        Self {
            client: client.unwrap(),
            url: server.url(""),
        }
    }

    /// `None` where no answer came.
    fn post(&self, path: &str, email: &str) -> Option<Answer> {
        let form = [("email", email), ("password", PASSWORD)];
        let request = self.client.post(format!("{}{path}", self.url)).form(&form);
        let start = Instant::now();
        answer(start, request.send())
    }

    fn register(&self, email: &str) -> Option<Answer> {
        self.post("/users", email)
    }

    fn log_in(&self, email: &str) -> String {
        let answer = self.post("/sessions", email).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        json["session_id"].as_str().unwrap().to_owned()
    }

    fn get(&self, path: &str, session_id: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url));
        let request = request.header("Cookie", format!("session_id={session_id}"));
        let start = Instant::now();
        answer(start, request.send()).unwrap()
    }

    fn profile(&self, session_id: &str) -> Answer {
        self.get("/profile", session_id)
    }

    fn readiness(&self) -> u16 {
        self.get("/readyz", "").status
    }
}

fn answer(start: Instant, sent: reqwest::Result<Response>) -> Option<Answer> {
    let response = sent.ok()?;
    Some(Answer {
        status: response.status().as_u16(),
        retry_after: response.headers().contains_key("Retry-After"),
        body: response.text().ok()?,
        took: start.elapsed(),
    })
}

/// A 503 as clients are promised it.
fn is_unavailable(answer: &Answer) -> bool {
    answer.status == 503 && answer.retry_after && answer.body.contains("\"message\"")
}

fn percentile_99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

/// The number of faults in a database file: damage, sessions without users, partial schemas.
fn half_states(file: &Path) -> usize {
    let damage = texts(
        file,
        "SELECT integrity_check AS value FROM pragma_integrity_check",
    );
    let orphans = texts(
        file,
        "SELECT CAST(user_id AS TEXT) AS value FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
    );
    let halves = texts(
        file,
        "SELECT email AS value FROM users WHERE hashed_password NOT LIKE '$2b$04$%' OR email_key <> email",
    );
    damage.iter().filter(|line| *line != "ok").count() + orphans.len() + halves.len()
}

fn users(file: &Path) -> BTreeSet<String> {
    let emails = texts(file, "SELECT email AS value FROM users");
    emails.into_iter().collect()
}

/// The program in a mount namespace of its own, after a script has mounted what it wants.
/// It is the same process from the first to the last: its id is the program's.
fn unshared(place: &Place, script: &str, arguments: &[&str]) -> Command {
    let inner = program(place.folder(), arguments);
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "sh",
            "-ec",
            &format!("{script}\nexec \"$@\""),
            "sh",
        ])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(place.folder())
        .stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Whether this machine lets a test mount that way; where it does not, nothing is to be had.
fn can_mount(place: &Place, script: &str) -> bool {
    if !has_tool("unshare") {
        return false;
    }
    let tried = Command::new("unshare")
        .args(["--mount", "sh", "-ec", script])
        .current_dir(place.folder())
        .output()
        .unwrap();
    if !tried.status.success() {
        let reason = String::from_utf8_lossy(&tried.stderr).into_owned();
        eprintln!(
            "SKIPPED: this machine refuses the mount ({})",
            reason.trim()
        );
    }
    tried.status.success()
}

/// A file or folder as the server's mount namespace has it.
fn seen_by(server: &Server, path: &Path) -> PathBuf {
    let root = format!("/proc/{}/root", server.pid());
    Path::new(&root).join(path.strip_prefix("/").unwrap())
}

/// A copy of a database that no process is writing, where SQLite can open it.
fn copied(server: &Server, from: &Path, to: &Path) {
    server.signal("STOP");
    for ending in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        fs::copy(name(&seen_by(server, from)), name(to)).unwrap();
    }
    server.signal("CONT");
}

const ON_DISK: [&str; 6] = [
    "--bind",
    "127.0.0.1:0",
    "--bcrypt-cost",
    "4",
    "--database-url",
    "sqlite://disk/bienvenue.db",
];
