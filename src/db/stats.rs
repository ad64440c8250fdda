//! Plain numbers about the load of the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use r2d2::event::{CheckoutEvent, HandleEvent, TimeoutEvent};

use super::schema::{outbox, sessions};
use super::{DB, DbError};
use crate::domain::SessionDigest;

/// The connections of a pool, and the waits for them since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// The purpose of the pool: `read`, `write`, or `all`.
    pub name: &'static str,
    /// Connections in use.
    pub in_use: u32,
    /// Connections that are open and free.
    pub idle: u32,
    /// The largest number of connections.
    pub max: u32,
    /// How often a connection was taken.
    pub checkouts: u64,
    /// The sum of the waits for these.
    pub waited: Duration,
    /// How often a wait ended without a connection.
    pub timeouts: u64,
}

/// The queued mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxStats {
    /// Their number.
    pub waiting: u64,
    /// The age of the oldest.
    pub oldest: Duration,
}

/// Counts the checkouts of a pool.
#[derive(Debug, Clone, Default)]
pub(super) struct PoolEvents(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    checkouts: AtomicU64,
    waited_nanoseconds: AtomicU64,
    timeouts: AtomicU64,
}

impl PoolEvents {
    /// Counts a checkout after a wait.
    pub(super) fn handed_out(&self, waited: Duration) {
        self.0.checkouts.fetch_add(1, Ordering::Relaxed);
        let waited = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.0
            .waited_nanoseconds
            .fetch_add(waited, Ordering::Relaxed);
    }

    /// Counts a wait that ended without a connection.
    pub(super) fn timed_out(&self) {
        self.0.timeouts.fetch_add(1, Ordering::Relaxed);
    }
}

impl HandleEvent for PoolEvents {
    fn handle_checkout(&self, event: CheckoutEvent) {
        self.handed_out(event.duration());
    }

    fn handle_timeout(&self, _: TimeoutEvent) {
        self.timed_out();
    }
}

impl DB {
    /// The state of the pools: one for reads and one for writes on SQLite, one on PostgreSQL.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolStats> {
        let pools: &[_] = if self.supports_inline_reads {
            &[
                ("read", &self.readers, &self.reader_events),
                ("write", &self.writer, &self.writer_events),
            ]
        } else {
            &[("all", &self.writer, &self.writer_events)]
        };
        let stats = pools.iter().map(|(name, pool, events)| {
            let state = pool.state();
            let nanoseconds = events.0.waited_nanoseconds.load(Ordering::Relaxed);
            PoolStats {
                name,
                in_use: state.connections.saturating_sub(state.idle_connections),
                idle: state.idle_connections,
                max: pool.max_size(),
                checkouts: events.0.checkouts.load(Ordering::Relaxed),
                waited: Duration::from_nanos(nanoseconds),
                timeouts: events.0.timeouts.load(Ordering::Relaxed),
            }
        });
        stats.collect()
    }

    /// Counts the valid sessions among the next `step` after `after`, in the order of digests.
    /// Also returns the last of those `step`; none if no more follow. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_sessions(
        &self,
        after: Option<&SessionDigest>,
        step: u32,
    ) -> Result<(u64, Option<SessionDigest>), DbError> {
        let now = self.settings.clock.now();
        let idle_since = now.minus(self.settings.sessions.idle());
        let after = after.map_or([].as_slice(), SessionDigest::as_bytes);
        let (end, count) = self.read(|conn| {
            let behind = sessions::table.filter(sessions::digest.gt(after));
            let end: Option<Vec<u8>> = behind
                .order(sessions::digest)
                .select(sessions::digest)
                .limit(1)
                .offset(i64::from(step.saturating_sub(1)))
                .get_result(conn)
                .optional()?;
            let last = end.as_deref().unwrap_or(&[0xff; 33]);
            let count: i64 = behind
                .filter(sessions::digest.le(last))
                .filter(sessions::expires_at.gt(now.seconds()))
                .filter(sessions::last_seen_at.gt(idle_since.seconds()))
                .count()
                .get_result(conn)?;
            QueryResult::Ok((end, count))
        })?;
        let end = end.as_deref().and_then(SessionDigest::from_bytes);
        Ok((u64::try_from(count).unwrap_or(0), end))
    }

    /// The number of queued mails and the age of the oldest. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn outbox(&self) -> Result<OutboxStats, DbError> {
        let now = self.settings.clock.now();
        let (waiting, oldest) = self.read(|conn| {
            let waiting: i64 = outbox::table.count().get_result(conn)?;
            let oldest: Option<i64> = outbox::table
                .order(outbox::id)
                .select(outbox::created_at)
                .limit(1)
                .get_result(conn)
                .optional()?;
            QueryResult::Ok((waiting, oldest))
        })?;
        let age = oldest.map_or(0, |oldest| now.seconds().saturating_sub(oldest));
        Ok(OutboxStats {
            waiting: u64::try_from(waiting).unwrap_or(0),
            oldest: Duration::from_secs(u64::try_from(age).unwrap_or(0)),
        })
    }
}
