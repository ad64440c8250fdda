//! The thread for background writes: last uses of sessions, audit events, refunds of rate limits,
//! and rehashed passwords.
//!
//! A lookup of a session writes nothing. If the stored last use is old enough, it leaves a note
//! here. Once a second all notes are written together.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::cleanup::{Cleanup, CleanupSettings};
use crate::auth::HashError;
use crate::auth::audit::AuditTrail;
use crate::auth::throttle::Reservation;
use crate::db::{DB, LimitHit};
use crate::domain::{HashedPassword, SessionDigest, Timestamp, User};

const PERIOD: Duration = Duration::from_secs(1);

/// How many refunds may wait while the database cannot be written. Further counts stay.
const REFUNDS_MAX: usize = 10_000;

/// How many notes of sessions may wait while the database cannot be written (bounds memory use).
/// A use beyond that is noted at the next use of the session.
const NOTES_MAX: usize = 100_000;

pub(in crate::auth) struct BackgroundWrites {
    pending: Arc<PendingWrites>,
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    _cleanup: Cleanup,
}

/// A message to the thread.
pub(in crate::auth) enum Message {
    /// Store a rehashed password.
    Store(Rehashed),
    /// Refund a reservation.
    Refund(Reservation),
    /// End.
    End,
}

/// A new hash that replaces an outdated one.
#[derive(Debug)]
pub(in crate::auth) struct Rehashed {
    pub(in crate::auth) user: User,
    pub(in crate::auth) outcome: Result<HashedPassword, HashError>,
}

impl Rehashed {
    /// Stores the new hash, unless the password was changed meanwhile. Blocks for a write.
    fn write(self, db: &DB) {
        let (user, outdated) = (self.user.id, &self.user.hashed_password);
        let new = match self.outcome {
            Ok(new) => new,
            Err(error) => {
                log::warn!("the stored password of user {user} was not rehashed: {error}");
                return;
            }
        };
        match db.replace_outdated_hash(user, outdated, &new) {
            Ok(true) => log::info!("rehashed the stored password of user {user}"),
            Ok(false) => {}
            Err(error) => {
                log::warn!("the stored password of user {user} was not rehashed: {error}");
            }
        }
    }
}

/// What waits to be written.
struct PendingWrites {
    db: DB,
    audit: AuditTrail,
    last_uses: Mutex<HashMap<SessionDigest, Timestamp>>,
}

impl BackgroundWrites {
    pub(in crate::auth) fn start(
        db: DB,
        audit: AuditTrail,
        settings: CleanupSettings,
    ) -> io::Result<Self> {
        let cleanup = Cleanup::start(&db, settings)?;
        let pending = Arc::new(PendingWrites {
            db,
            audit,
            last_uses: Mutex::default(),
        });
        let (messages, received) = mpsc::channel();
        let thread = thread::Builder::new().name("background".into()).spawn({
            let pending = Arc::clone(&pending);
            move || run(&pending, &received)
        })?;
        Ok(Self {
            pending,
            messages,
            thread: Some(thread),
            _cleanup: cleanup,
        })
    }

    /// The channel for rehashed passwords.
    pub(in crate::auth) fn messages(&self) -> Sender<Message> {
        self.messages.clone()
    }

    /// Refunds a reservation in the background.
    pub(in crate::auth) fn refund(&self, reservation: Reservation) {
        // Fails only at shutdown; then the counts stay.
        drop(self.messages.send(Message::Refund(reservation)));
    }

    /// Notes that a session is used now, if the stored last use is old enough.
    pub(in crate::auth) fn record_use(&self, session: SessionDigest, written: Timestamp) {
        let db = &self.pending.db;
        let now = db.clock().now();
        if written.plus(db.session_settings().touch_after()) > now {
            return;
        }
        let mut notes = self.pending.lock();
        if notes.len() < NOTES_MAX {
            notes.insert(session, now);
        }
    }

    /// Writes the notes and the audit events now.
    pub(in crate::auth) fn flush(&self) {
        self.pending.write_all();
    }
}

/// The loop of the thread.
fn run(pending: &PendingWrites, received: &Receiver<Message>) {
    let mut refunds = Vec::new();
    let mut next = Instant::now() + PERIOD;
    loop {
        let message = received.recv_timeout(next.saturating_duration_since(Instant::now()));
        match message {
            Ok(Message::Store(renewed)) => renewed.write(&pending.db),
            Ok(Message::Refund(reservation)) => {
                if refunds.len() < REFUNDS_MAX {
                    refunds.extend_from_slice(reservation.claim());
                }
                refund(&pending.db, &mut refunds);
            }
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                next = Instant::now() + PERIOD;
                pending.write();
                refund(&pending.db, &mut refunds);
            }
        }
    }
    pending.write_all();
}

fn refund(db: &DB, counted: &mut Vec<LimitHit>) {
    if counted.is_empty() {
        return;
    }
    match db.refund_hits(counted) {
        Ok(()) => counted.clear(),
        Err(error) => log::debug!("{} refunds wait: {error}", counted.len()),
    }
}

impl PendingWrites {
    /// Writes the notes and the audit events, also those that wait for repeats.
    fn write_all(&self) {
        self.audit.queue_repeats();
        self.write();
    }

    fn write(&self) {
        self.audit.write(&self.db.in_background());
        let notes = std::mem::take(&mut *self.lock());
        if notes.is_empty() {
            return;
        }
        let uses: Vec<_> = notes.clone().into_iter().collect();
        if let Err(error) = self.db.in_background().touch_sessions(&uses) {
            log::log!(
                error.background_level(),
                "the last uses of {} sessions could not be written yet: {error}",
                notes.len()
            );
            // Newer notes replace the ones that could not be written.
            let newer = std::mem::replace(&mut *self.lock(), notes);
            self.lock().extend(newer);
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionDigest, Timestamp>> {
        self.last_uses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BackgroundWrites {
    fn drop(&mut self) {
        // The thread receives until it gets this message.
        drop(self.messages.send(Message::End));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread for background writes panicked");
        }
    }
}
