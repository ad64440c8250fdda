//! Which statements the service sends to the database of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use super::{Engine, Place};

/// A statement, and the thread that sent it.
type Sent = (String, String);

/// The statements to each database that is watched, by a part of its URL.
static SENT: Mutex<BTreeMap<String, Vec<Sent>>> = Mutex::new(BTreeMap::new());

/// The statements of the whole suite that this process has added to the file.
static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
const RECORD: &str = "TEST_RECORD_STATEMENTS";

/// Watches all connections from now on, where the suite is to be recorded.
pub(super) fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os(RECORD).is_some() {
            watch();
        }
    });
}

fn watch() {
    set_default_instrumentation(|| Some(Box::new(Watch::default()))).unwrap();
}

/// The statements of the service in such a file.
pub(crate) fn recorded(file: &OsStr, engine: Engine) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    let of_engine = lines.filter(|(name, _)| *name == format!("{engine:?}"));
    of_engine
        .map(|(_, statement)| statement.to_owned())
        .collect()
}

fn write_down(file: &OsString, engine: Engine, statement: &str) {
    let line = format!("{engine:?}\t{statement}\n");
    let mut recorded = RECORDED.lock().unwrap();
    if recorded.insert(line.clone()) {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// One line, with lists of parameters cut to one: `IN (?, ?)` is `IN (?)`.
fn in_one_line(statement: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let mut line = words.join(" ");
    while line.contains("?, ?)") && line.contains("IN (") {
        let shorter = line.replace("IN (?, ?", "IN (?");
        if shorter == line {
            break;
        }
        line = shorter;
    }
    line
}

/// The statement of a transaction that shares its commit with others, as it would be without
/// them: SQLite's group commit varies with what else is under way.
fn as_if_alone(statement: String) -> Option<String> {
    match statement.as_str() {
        "SAVEPOINT member" => Some("BEGIN IMMEDIATE".to_owned()),
        "RELEASE member" => None,
        pragma if pragma.starts_with("PRAGMA busy_timeout") => None,
        _ => Some(statement),
    }
}

fn sent() -> MutexGuard<'static, BTreeMap<String, Vec<Sent>>> {
    SENT.lock().unwrap()
}

/// The statements that are sent to one database, without their values.
pub(crate) struct Statements {
    database: String,
}

impl Statements {
    /// Watches the connections that are made from now on.
    pub(crate) fn to(place: &Place) -> Self {
        watch();
        let database = match &place.server {
            None => place.folder().display().to_string(),
            Some(server) => server.service_url().to_owned(),
        };
        sent().insert(database.clone(), Vec::new());
        Self { database }
    }

    /// The statements of requests since the last call. Without the one that reads every ten
    /// seconds which foreign hashes there are: it depends on the time alone.
    pub(crate) fn of_requests(&self) -> Vec<String> {
        let mut sent = self.take(|thread| {
            // A pool opens connections on threads of its own.
            !["mail", "mail-send", "background", "cleanup"].contains(&thread)
                && !thread.starts_with("r2d2-worker")
        });
        sent.retain(|statement| !statement.contains("foreign_hashes"));
        sent
    }

    /// The statements of the mail threads since the last call.
    pub(crate) fn of_mails(&self) -> Vec<String> {
        self.take(|thread| thread == "mail-send")
    }

    /// All of them since the last look, in order.
    pub(crate) fn in_order(&self) -> Vec<String> {
        self.take(|_| true)
    }

    /// All of them since the last look, each once.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        let all = self.in_order();
        all.iter().map(|statement| in_one_line(statement)).collect()
    }

    fn take(&self, from: impl Fn(&str) -> bool) -> Vec<String> {
        let all = std::mem::take(sent().get_mut(&self.database).unwrap());
        let all = all.into_iter().filter(|(thread, _)| from(thread));
        all.filter_map(|(_, statement)| as_if_alone(statement))
            .collect()
    }
}

#[derive(Default)]
struct Watch {
    database: Option<String>,
    /// The engine, where the connection is one of the service's own.
    service: Option<Engine>,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.database = sent().keys().find(|key| url.contains(*key)).cloned();
                self.service = if url.contains("mode=rw") {
                    Some(Engine::Sqlite)
                } else {
                    url.contains("application_name=bienvenue")
                        .then_some(Engine::Postgres)
                };
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                let text = text.split("-- binds").next().unwrap().trim();
                if let Some((file, engine)) = std::env::var_os(RECORD).zip(self.service) {
                    write_down(&file, engine, &in_one_line(text));
                }
                if let Some(database) = &self.database {
                    let thread = std::thread::current();
                    let thread = thread.name().unwrap_or_default().to_owned();
                    let mut sent = sent();
                    let of_database = sent.get_mut(database).unwrap();
                    of_database.push((thread, text.to_owned()));
                }
            }
            InstrumentationEvent::FinishEstablishConnection { .. }
            | InstrumentationEvent::CacheQuery { .. }
            | InstrumentationEvent::FinishQuery { .. }
            | InstrumentationEvent::BeginTransaction { .. }
            | InstrumentationEvent::CommitTransaction { .. }
            | InstrumentationEvent::RollbackTransaction { .. }
            | _ => {}
        }
    }
}
