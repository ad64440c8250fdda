//! Which statements the service sends to the database of a test.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use super::Place;

/// A statement, and the thread that sent it.
type Sent = (String, String);

/// What was sent to each database that is watched, by a part of its URL.
static SENT: Mutex<BTreeMap<String, Vec<Sent>>> = Mutex::new(BTreeMap::new());

fn sent() -> MutexGuard<'static, BTreeMap<String, Vec<Sent>>> {
    SENT.lock().unwrap()
}

/// The statements that are sent to one database, without their values.
pub(crate) struct Statements {
    database: String,
}

impl Statements {
    /// Those over connections that are made from now on.
    pub(crate) fn to(place: &Place) -> Self {
        set_default_instrumentation(|| Some(Box::new(Watch::default()))).unwrap();
        let database = match &place.server {
            None => place.folder().display().to_string(),
            Some(server) => server.url.clone(),
        };
        sent().insert(database.clone(), Vec::new());
        Self { database }
    }

    /// What requests have sent since the last look.
    pub(crate) fn of_requests(&self) -> Vec<String> {
        self.take(|thread| !["mail", "housekeeping", "cleanup"].contains(&thread))
    }

    /// What the thread for mails has sent since the last look, but for its looks at an outbox
    /// that may be empty.
    pub(crate) fn of_mails(&self) -> Vec<String> {
        let mut statements = self.take(|thread| thread == "mail");
        statements.retain(|statement| {
            !statement.contains("`outbox`.`due_at` <=")
                && !statement.contains("\"outbox\".\"due_at\" <=")
        });
        statements
    }

    fn take(&self, from: impl Fn(&str) -> bool) -> Vec<String> {
        let all = std::mem::take(sent().get_mut(&self.database).unwrap());
        let all = all.into_iter().filter(|(thread, _)| from(thread));
        all.map(|(_, statement)| statement).collect()
    }
}

#[derive(Default)]
struct Watch {
    database: Option<String>,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.database = sent().keys().find(|key| url.contains(*key)).cloned();
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                if let Some(database) = &self.database {
                    let text = query.to_string();
                    let text = text.split("-- binds").next().unwrap().trim();
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
