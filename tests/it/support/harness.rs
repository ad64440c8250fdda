//! Clients that load the service, note what it acknowledged, and compare that with the
//! database afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bienvenue::db::Pooler;
use bienvenue::domain::SessionId;
use diesel::{Connection, PgConnection};
use reqwest::blocking::{Client, RequestBuilder};
use tempfile::TempDir;

use super::Other;
use super::pgbouncer::{PgBouncer, mode};
use super::postgres::{Cluster, execute};
use super::program::{Server, program};

/// A PostgreSQL cluster of its own that writes through to the disk, with an empty database.
pub(crate) struct Stand {
    pub(crate) cluster: Cluster,
    pub(crate) pgbouncer: Option<PgBouncer>,
    pooler: Pooler,
    folder: TempDir,
}

impl Stand {
    /// Makes one, if there is a server on this machine; else the test is skipped.
    pub(crate) fn create(options: &str) -> Option<Self> {
        let cluster = Cluster::create(options)?;
        execute(&cluster.url("postgres"), "CREATE DATABASE bienvenue");
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            cluster,
            pgbouncer: None,
            pooler: Pooler::Off,
            folder,
        })
    }

    /// The same with a pooler between the service and the server.
    pub(crate) fn behind(pooler: Pooler) -> Option<Self> {
        Self::behind_with(pooler, "")
    }

    /// The same with options of the pooler.
    pub(crate) fn behind_with(pooler: Pooler, options: &str) -> Option<Self> {
        let mut stand = Self::create("")?;
        if pooler != Pooler::Off {
            let host = stand.cluster.host();
            stand.pgbouncer = Some(PgBouncer::start(host, pooler, options)?);
        }
        stand.pooler = pooler;
        Some(stand)
    }

    /// The database itself.
    pub(crate) fn url(&self) -> String {
        self.cluster.url("bienvenue")
    }

    /// The database as the service reaches it.
    pub(crate) fn service_url(&self) -> String {
        match &self.pgbouncer {
            None => self.url(),
            Some(pgbouncer) => pgbouncer.url("bienvenue"),
        }
    }

    /// The program on this database, not started yet.
    pub(crate) fn program(&self, url: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = program(
            self.folder.path(),
            &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"],
        );
        command
            .env("BIENVENUE_DATABASE_POOLER", mode(self.pooler))
            .args(["--database-url", url])
            .args(arguments);
        command
    }

    pub(crate) fn serve(&self) -> Server {
        Server::spawn(self.program(&self.service_url(), &[]))
    }

    /// Runs statements one after the other, each by itself, on one connection.
    pub(crate) fn sql(&self, statements: &[&str]) {
        use diesel::connection::SimpleConnection;
        let mut conn = PgConnection::establish(&self.url()).unwrap();
        for statement in statements {
            conn.batch_execute(statement).unwrap();
        }
    }

    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        texts(&self.url(), sql)
    }

    /// Another connection, for a transaction that stays open.
    pub(crate) fn connect(&self) -> Other {
        Other::Postgres(PgConnection::establish(&self.url()).unwrap())
    }
}

pub(crate) fn texts(url: &str, sql: &str) -> Vec<String> {
    super::load(&mut PgConnection::establish(url).unwrap(), sql).unwrap()
}

/// A client of one or several instances, which asks them in turn.
pub(crate) struct Visitor {
    client: Client,
    bases: Vec<String>,
    turn: usize,
}

/// An answer, read to its end. Status 0: there was none.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    retry_after: bool,
}

impl Reply {
    pub(crate) fn session_id(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["session_id"].as_str().unwrap().to_owned()
    }
}

impl Visitor {
    pub(crate) fn of(servers: &[&Server]) -> Self {
        Self {
            client: Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
            bases: servers.iter().map(|server| server.url("")).collect(),
            turn: 0,
        }
    }

    fn base(&mut self) -> &str {
        self.turn += 1;
        &self.bases[self.turn % self.bases.len()]
    }

    fn send(request: RequestBuilder) -> Reply {
        let answer = request.send().and_then(|answer| {
            let status = answer.status().as_u16();
            let retry_after = answer.headers().contains_key("Retry-After");
            Ok((status, retry_after, answer.text()?))
        });
        match answer {
            Ok((status, retry_after, body)) => Reply {
                status,
                body,
                retry_after,
            },
            Err(error) => Reply {
                status: 0,
                body: format!("{error:?}"),
                retry_after: false,
            },
        }
    }

    fn post(&mut self, path: &str, email: &str) -> Reply {
        let url = format!("{}{path}", self.base());
        let form = [("email", email), ("password", "a password")];
        Self::send(self.client.post(url).form(&form))
    }

    pub(crate) fn register(&mut self, email: &str) -> Reply {
        self.post("/users", email)
    }

    pub(crate) fn log_in(&mut self, email: &str) -> Reply {
        self.post("/sessions", email)
    }

    pub(crate) fn profile(&mut self, session_id: &str) -> Reply {
        let url = format!("{}/profile", self.base());
        let cookie = format!("session_id={session_id}");
        Self::send(self.client.get(url).header("Cookie", cookie))
    }

    pub(crate) fn log_out(&mut self, session_id: &str) -> Reply {
        let url = format!("{}/sessions", self.base());
        let cookie = format!("session_id={session_id}");
        Self::send(self.client.delete(url).header("Cookie", cookie))
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let url = format!("{}{path}", self.base());
        Self::send(self.client.get(url))
    }
}

/// One request and what became of it.
#[derive(Debug, Clone, Copy)]
struct Event {
    begun: Instant,
    ended: Instant,
    status: u16,
}

impl Event {
    fn is_bad(&self) -> bool {
        self.status == 0 || self.status >= 500
    }
}

/// The changes that the service has acknowledged, noted after the answer was read.
#[derive(Debug, Default)]
struct Notes {
    events: Vec<Event>,
    registered: BTreeSet<String>,
    known: BTreeSet<String>,
    ended: BTreeSet<String>,
    wrong: Vec<String>,
}

/// The time between two requests of a client of a load. Without it, a load keeps all processors from
/// the service and the other tests.
pub(crate) const BETWEEN_REQUESTS: Duration = Duration::from_millis(5);

/// Clients that register, log in, read the profile, and every other time log out.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    notes: Arc<Mutex<Notes>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(clients: usize, servers: &[&Server]) -> Self {
        Self::of("client", clients, servers)
    }

    /// The same with accounts whose addresses begin with a name of their own.
    pub(crate) fn of(name: &'static str, clients: usize, servers: &[&Server]) -> Self {
        let (stop, notes) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Notes>>::default());
        let threads = (0..clients)
            .map(|number| {
                let mut worker = Worker {
                    visitor: Visitor::of(servers),
                    notes: Arc::clone(&notes),
                };
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    let mut round = 0;
                    while !stop.load(Ordering::Relaxed) {
                        round += 1;
                        worker.round(&format!("{name}{number}.{round}@x.org"), round % 2 == 0);
                    }
                })
            })
            .collect();
        let load = Self {
            stop,
            notes,
            threads,
        };
        super::eventually("the load runs", || load.good_since(None) > clients * 4);
        load
    }

    fn good_since(&self, moment: Option<Instant>) -> usize {
        let notes = self.notes.lock().unwrap();
        let good =
            notes.events.iter().rev().take(10_000).filter(|event| {
                !event.is_bad() && moment.is_none_or(|moment| event.begun >= moment)
            });
        good.count()
    }

    /// Waits until a while has passed without a failure and with successes, and tells how
    /// long after the moment the last failure, or the first success, was.
    pub(crate) fn healed_after(&self, moment: Instant) -> Duration {
        let deadline = moment + Duration::from_secs(20);
        loop {
            let (last_bad, first_good) = {
                let notes = self.notes.lock().unwrap();
                let after = || notes.events.iter().filter(|event| event.ended >= moment);
                let bad = after().filter(|event| event.is_bad());
                let good = after().filter(|event| !event.is_bad());
                (
                    bad.map(|event| event.ended).max(),
                    good.map(|event| event.ended).min(),
                )
            };
            let healed = match (last_bad, first_good) {
                (bad, Some(good)) => Some(bad.map_or(good, |bad| bad.max(good))),
                (_, None) => None,
            };
            if let Some(healed) = healed
                && healed.elapsed() > Duration::from_millis(600)
                && self.good_since(Some(healed)) > self.threads.len()
            {
                return healed - moment;
            }
            assert!(Instant::now() < deadline, "it does not heal");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the load, after what is under way was answered.
    pub(crate) fn finish(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        for thread in mem::take(&mut self.threads) {
            thread.join().unwrap();
        }
        Report {
            notes: mem::take(&mut self.notes.lock().unwrap()),
        }
    }
}

/// The clients of a test that fails end too: they would ask as fast as they can until the last test
/// ends, and make others fail.
impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Worker {
    visitor: Visitor,
    notes: Arc<Mutex<Notes>>,
}

impl Worker {
    fn round(&mut self, email: &str, logs_out: bool) {
        if self.ask(201, |visitor| visitor.register(email)).is_none() {
            return;
        }
        self.note(|notes| notes.registered.insert(email.to_owned()));
        let Some(answer) = self.ask(200, |visitor| visitor.log_in(email)) else {
            return;
        };
        let id = answer.session_id();
        let digest = SessionId::parse(&id).unwrap().digest().to_hex();
        self.note(|notes| notes.known.insert(digest.clone()));
        self.ask(200, |visitor| visitor.profile(&id));
        if logs_out {
            // Until the answer arrives, the outcome is unknown.
            self.note(|notes| notes.known.remove(&digest));
            if self.ask(200, |visitor| visitor.log_out(&id)).is_some() {
                self.note(|notes| notes.ended.insert(digest));
                self.ask(403, |visitor| visitor.profile(&id));
            }
        }
    }

    fn note<T>(&self, write: impl FnOnce(&mut Notes) -> T) -> T {
        write(&mut self.notes.lock().unwrap())
    }

    /// The answer if it is the one that is right; else it may only be a 503.
    fn ask(&mut self, right: u16, request: impl FnOnce(&mut Visitor) -> Reply) -> Option<Reply> {
        thread::sleep(BETWEEN_REQUESTS);
        let begun = Instant::now();
        let answer = request(&mut self.visitor);
        let ended = Instant::now();
        let status = answer.status;
        self.note(|notes| {
            notes.events.push(Event {
                begun,
                ended,
                status,
            });
            if status != right && !(status == 503 && answer.retry_after) {
                let wrong = format!("{status} for {right}: {}", answer.body);
                notes.wrong.push(wrong);
            }
        });
        (status == right).then_some(answer)
    }
}

/// The observations of a load.
pub(crate) struct Report {
    notes: Notes,
}

impl Report {
    /// How many requests had each status, and the slowest of them.
    pub(crate) fn summary(&self) -> String {
        let mut by_status: BTreeMap<u16, (usize, Duration)> = BTreeMap::new();
        for event in &self.notes.events {
            let (count, slowest) = by_status.entry(event.status).or_default();
            *count += 1;
            *slowest = (*slowest).max(event.ended - event.begun);
        }
        let mut text = String::new();
        for (status, (count, slowest)) in by_status {
            let slowest = slowest.as_secs_f64();
            write!(text, "{status}: {count} (slowest {slowest:.2} s), ").unwrap();
        }
        text
    }

    pub(crate) fn slowest(&self) -> Duration {
        let times = self.notes.events.iter();
        times.map(|event| event.ended - event.begun).max().unwrap()
    }

    /// Requests that failed, and not while one of the outages lasted.
    pub(crate) fn failures_outside(&self, outages: &[(Instant, Instant)]) -> usize {
        let bad = self.notes.events.iter().filter(|event| event.is_bad());
        bad.filter(|event| {
            !outages
                .iter()
                .any(|(from, to)| event.ended >= *from && event.ended <= *to)
        })
        .count()
    }

    /// Compares the database with what was acknowledged. Nothing may be lost, nothing come
    /// back, nothing be half done, and no answer be another than the right one or a 503.
    /// Prints the numbers.
    pub(crate) fn check(&self, test: &str, url: &str) {
        let notes = &self.notes;
        let emails: BTreeSet<String> = texts(url, "SELECT email AS value FROM users")
            .into_iter()
            .collect();
        let sessions: BTreeSet<String> =
            texts(url, "SELECT encode(digest, 'hex') AS value FROM sessions")
                .into_iter()
                .collect();
        let half = texts(
            url,
            "SELECT users.email AS value FROM users LEFT JOIN sessions ON user_id = users.id \
             WHERE users.session_id IS DISTINCT FROM encode(digest, 'hex')",
        );
        let lost_users = notes.registered.difference(&emails).count();
        let lost_sessions = notes.known.difference(&sessions).count();
        let come_back = notes.ended.intersection(&sessions).count();
        println!(
            "{test}: {}acknowledged: {} registrations, {} sessions, {} log-outs; lost: \
             {lost_users}, {lost_sessions}, {come_back}; half states: {}; done and not \
             acknowledged: {} registrations; wrong answers: {}",
            self.summary(),
            notes.registered.len(),
            notes.known.len(),
            notes.ended.len(),
            half.len(),
            emails.difference(&notes.registered).count(),
            notes.wrong.len(),
        );
        assert!(!notes.registered.is_empty() && !notes.known.is_empty());
        assert!(!notes.ended.is_empty());
        assert_eq!((lost_users, lost_sessions, come_back), (0, 0, 0));
        assert_eq!(half, [""; 0]);
        assert_eq!(notes.wrong, [""; 0]);
    }
}
