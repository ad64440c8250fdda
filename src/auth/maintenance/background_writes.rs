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
const GIVEN_BACK_MAX: usize = 10_000;

/// How many notes of sessions may wait while the database cannot be written (bounds memory use).
/// A use beyond that is noted at the next use of the session.
const NOTES_MAX: usize = 100_000;

pub(in crate::auth) struct BackgroundWrites {
    last_uses: Arc<LastSeenBuffer>,
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    _cleanup: Cleanup,
}

/// A message to the thread.
pub(in crate::auth) enum Message {
    /// Store a rehashed password.
    Store(Rehashed),
    /// Refund a reservation.
    GiveBack(Reservation),
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

struct LastSeenBuffer {
    db: DB,
    audit: AuditTrail,
    notes: Mutex<HashMap<SessionDigest, Timestamp>>,
}

impl BackgroundWrites {
    pub(in crate::auth) fn start(
        db: DB,
        audit: AuditTrail,
        settings: CleanupSettings,
    ) -> io::Result<Self> {
        let cleanup = Cleanup::start(&db, settings)?;
        let last_uses = Arc::new(LastSeenBuffer {
            db,
            audit,
            notes: Mutex::default(),
        });
        let (messages, received) = mpsc::channel();
        let thread = thread::Builder::new().name("background".into()).spawn({
            let last_uses = Arc::clone(&last_uses);
            move || keep(&last_uses, &received)
        })?;
        Ok(Self {
            last_uses,
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
    pub(in crate::auth) fn refund(&self, taken: Reservation) {
        // Fails only at shutdown; then the counts stay.
        drop(self.messages.send(Message::GiveBack(taken)));
    }

    /// Notes that a session is used now, if the stored last use is old enough.
    pub(in crate::auth) fn record_use(&self, session: SessionDigest, written: Timestamp) {
        let db = &self.last_uses.db;
        let now = db.clock().now();
        if written.plus(db.session_policy().touch_after()) > now {
            return;
        }
        let mut notes = self.last_uses.lock();
        if notes.len() < NOTES_MAX {
            notes.insert(session, now);
        }
    }

    /// Writes the notes and the audit events now.
    pub(in crate::auth) fn flush(&self) {
        self.last_uses.write_all();
    }
}

/// The loop of the thread.
fn keep(last_uses: &LastSeenBuffer, received: &Receiver<Message>) {
    let mut given_back = Vec::new();
    let mut next = Instant::now() + PERIOD;
    loop {
        let message = received.recv_timeout(next.saturating_duration_since(Instant::now()));
        match message {
            Ok(Message::Store(renewed)) => renewed.write(&last_uses.db),
            Ok(Message::GiveBack(taken)) => {
                if given_back.len() < GIVEN_BACK_MAX {
                    given_back.extend_from_slice(taken.claim());
                }
                refund(&last_uses.db, &mut given_back);
            }
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                next = Instant::now() + PERIOD;
                last_uses.write();
                refund(&last_uses.db, &mut given_back);
            }
        }
    }
    last_uses.write_all();
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

impl LastSeenBuffer {
    /// The same at the end of the process.
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
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
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
