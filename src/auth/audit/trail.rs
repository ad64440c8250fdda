//! The queue of audit events that have no row in the table yet.
//!
//! An event is in the log before it is here. The thread for background writes appends the queue to
//! the table once a second, so a kill loses at most the rows of the last second, and the
//! counts of repeated events of ten minutes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::repeats::Repeats;
use crate::db::{DB, DbError};
use crate::domain::{Actor, AuditDetails, Clock, NewAuditEvent, Timestamp};

/// How many events may wait while the database cannot be written (bounds memory use).
const WAITING_MAX: usize = 10_000;

/// How many rows one transaction appends, which takes a writer some milliseconds.
const BATCH: usize = 500;

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::auth) struct AuditTrail {
    clock: Clock,
    queue: Arc<Mutex<Queue>>,
    /// Held by the writer, so that rows are appended in their order.
    writing: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<NewAuditEvent>,
    repeats: Repeats,
    /// How many events found no place.
    lost: u64,
}

impl AuditTrail {
    pub(in crate::auth) fn new(clock: Clock) -> Self {
        Self {
            clock,
            queue: Arc::default(),
            writing: Arc::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds an event of a client in this network. Never waits for the database: if the queue is
    /// full, the event has no row. Repeated events share one.
    pub(super) fn push(&self, event: NewAuditEvent, network: Option<String>) {
        let mut queue = lock(&self.queue);
        if let Some(event) = queue.repeats.admit(event, network) {
            queue.add(event);
        }
    }

    /// Queues the rows of repeated events, which are due later otherwise. Never blocks for long.
    pub(in crate::auth) fn queue_repeats(&self) {
        let mut queue = lock(&self.queue);
        for row in queue.repeats.take_all() {
            queue.add(row);
        }
    }

    /// Appends all waiting events to the table. If that fails, they wait on. Blocks for a write for
    /// each 500 events.
    pub(in crate::auth) fn write(&self, db: &DB) {
        let _turn = lock(&self.writing);
        let (waiting, lost) = {
            let mut queue = lock(&self.queue);
            for row in queue.repeats.take_due(self.now()) {
                queue.add(row);
            }
            (
                std::mem::take(&mut queue.waiting),
                std::mem::take(&mut queue.lost),
            )
        };
        let mut left = waiting.as_slice();
        let mut unwritten = lost;
        let mut append = || -> Result<(), DbError> {
            while !left.is_empty() {
                let (batch, rest) = left.split_at(left.len().min(BATCH));
                db.append_audit_events(batch)?;
                left = rest;
            }
            if unwritten > 0 {
                db.append_audit_events(&[self.loss(unwritten)])?;
                log::warn!(
                    "{unwritten} audit events have no row in the database, because too many \
                     waited to be written. The log has all of them"
                );
                unwritten = 0;
            }
            Ok(())
        };
        if let Err(error) = append() {
            log::log!(
                error.background_level(),
                "the rows of {} audit events could not be written yet: {error}",
                left.len()
            );
            let mut queue = lock(&self.queue);
            let newer = std::mem::replace(&mut queue.waiting, left.to_vec());
            queue.waiting.extend(newer);
            let surplus = queue.waiting.len().saturating_sub(WAITING_MAX);
            queue.waiting.truncate(WAITING_MAX);
            queue.lost += unwritten + surplus as u64;
        }
    }

    /// The row that says how many events have none.
    fn loss(&self, count: u64) -> NewAuditEvent {
        NewAuditEvent {
            at: self.now(),
            event: "audit_rows_lost",
            user_id: None,
            actor: Actor::Service,
            details: AuditDetails {
                outcome: Some("error".to_owned()),
                count: Some(count),
                ..AuditDetails::default()
            },
        }
    }
}

impl Queue {
    fn add(&mut self, event: NewAuditEvent) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(event);
        } else {
            self.lost += 1;
        }
    }
}

/// Nothing panics while it holds a lock, so a poisoned state is still consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{DbSettings, OpenMode};
    use crate::domain::{DatabaseUrl, UserId};

    #[test]
    fn events_beyond_the_queue_are_counted_in_a_row() {
        let folder = tempfile::tempdir().unwrap();
        let settings = DbSettings {
            open: OpenMode::Migrate,
            ..DbSettings::default()
        };
        let url = DatabaseUrl::sqlite(folder.path().join("a.db"));
        let db = DB::open(&url, settings).unwrap();
        let trail = AuditTrail::new(Clock::system());
        for user in 0..WAITING_MAX + 3 {
            let (user, at) = (UserId::new(user.try_into().unwrap()), trail.now());
            trail.push(NewAuditEvent::deletion(user, Actor::Client, at), None);
        }
        trail.write(&db);
        trail.write(&db);
        let last = i64::try_from(WAITING_MAX).unwrap();
        let rows = db.audit_rows_after(last - 1, None, 10).unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.position, row.event.as_str()))
            .collect();
        assert_eq!(
            rows,
            [(last, "user_deleted"), (last + 1, "audit_rows_lost")]
        );
        let loss = db.audit_rows_after(last, None, 1).unwrap().remove(0);
        assert!(loss.details.unwrap().contains(r#""count":3"#));
        let report = db.check_audit_chain(None, Vec::new(), |_| {}).unwrap();
        assert!(report.is_intact(), "{report:?}");
    }
}
