//! Opens the connections of a pool, and finds out when the server was lost.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::r2d2::R2D2Connection;
use diesel::result::ConnectionError;

use super::any_connection::AnyConnection;
use super::outage::ConnectionOutage;
use super::sqlite::Role;
use super::{postgres, sqlite};
use crate::db::Unavailable;

const WAIT_STEP: Duration = Duration::from_millis(50);

/// How often the log repeats that `--database-pooler` does not match the pooler.
const POOLER_REMINDER: Duration = Duration::from_secs(300);

/// Opens the connections of a pool. The URL's scheme has selected the engine. `establish` of the
/// connection enum would try its variants in turn, and create an empty SQLite file for a
/// mistyped URL.
#[derive(Debug, Clone)]
pub(in crate::db) struct Manager {
    target: Target,
    role: Role,
    generation: Epoch,
    outage: ConnectionOutage,
    pooler_alarm: PoolerAlarm,
}

/// The database to which a pool connects.
#[derive(Debug, Clone)]
pub(in crate::db) enum Target {
    /// An existing SQLite file.
    Sqlite(sqlite::Location),
    /// A PostgreSQL server.
    Postgres(postgres::Location),
}

/// Counts how often the server was lost. A connection remembers the count at which it was
/// opened. A dead connection increments it, since the others of the same count are dead too. So
/// the check at checkout is a comparison instead of a query.
#[derive(Debug, Clone, Default)]
struct Epoch(Arc<AtomicU64>);

impl Epoch {
    fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// When the log last said that `--database-pooler` does not match the pooler.
type PoolerAlarm = Arc<Mutex<Option<Instant>>>;

/// A connection of a pool.
pub(in crate::db) struct Pooled {
    conn: AnyConnection,
    opened_at: u64,
    generation: Epoch,
    pooler_alarm: PoolerAlarm,
    /// How long it waits for a lock of another process.
    wait: Duration,
}

impl Pooled {
    /// Limits the wait for other writers on SQLite. PostgreSQL keeps its own limits, because
    /// changing them would take a round trip.
    pub(in crate::db) fn wait_at_most(&mut self, wait: Duration) -> QueryResult<()> {
        // In steps, so that a new request does not change the setting.
        let steps = wait.as_millis().div_ceil(WAIT_STEP.as_millis());
        let wait = WAIT_STEP * u32::try_from(steps).unwrap_or(u32::MAX);
        let wait = wait.min(sqlite::BUSY_TIMEOUT);
        if let AnyConnection::Sqlite(conn) = &mut self.conn
            && wait != self.wait
        {
            sqlite::wait_at_most(conn, wait)?;
            self.wait = wait;
        }
        Ok(())
    }

    /// Notes that the server is gone, so that all connections are replaced.
    pub(in crate::db) fn mark_lost(&self) {
        // Counts once, even if several connections of this count are found dead.
        let (seen, next) = (self.opened_at, self.opened_at + 1);
        let Epoch(count) = &self.generation;
        let raised = count.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire);
        if raised.is_ok() {
            // If it is an outage, `ConnectionOutage` logs it.
            log::debug!("the connection to the database was lost; all connections are reopened");
        }
    }

    /// Logs that a pooler has mixed up prepared statements, and how to prevent it: when this is first
    /// seen, and every five minutes while it lasts.
    pub(in crate::db) fn report_pooler(&self, cause: &Unavailable) {
        let alarm = self.pooler_alarm.lock();
        let mut logged_at = alarm.unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_none_or(|at| at.elapsed() >= POOLER_REMINDER) {
            *logged_at = Some(Instant::now());
            log::error!("{cause}; requests are answered 503 until then");
        }
    }
}

impl Deref for Pooled {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.conn
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.conn
    }
}

impl Manager {
    pub(in crate::db) fn new(target: Target, role: Role) -> Self {
        Self {
            target,
            role,
            generation: Epoch::default(),
            outage: ConnectionOutage::default(),
            pooler_alarm: PoolerAlarm::default(),
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Pooled, ConnectionError> {
        let opened_at = self.generation.current();
        let conn = match &self.target {
            Target::Sqlite(location) => sqlite::connect(location, self.role),
            Target::Postgres(location) => postgres::connect(location),
        }
        .inspect_err(|error| self.outage.record_failure(&error.to_string()))?;
        self.outage.record_success();
        Ok(Pooled {
            conn,
            opened_at,
            generation: self.generation.clone(),
            pooler_alarm: self.pooler_alarm.clone(),
            wait: sqlite::BUSY_TIMEOUT,
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), ConnectionError> {
        if pooled.opened_at == self.generation.current() {
            Ok(())
        } else {
            let message = "opened before the server was lost";
            Err(ConnectionError::BadConnection(message.to_owned()))
        }
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.opened_at != self.generation.current() || pooled.conn.is_broken()
    }
}
