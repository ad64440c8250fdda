//! The thread that sends the mails of the outbox.
//!
//! It wakes when this process queues one, and once a second for those of others.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::mail_writer::MailWriter;
use crate::db::{ClaimedMail, DB};
use crate::mail::{Mailer, SendError, Templates};

const PERIOD: Duration = Duration::from_secs(1);

/// How long a worker may take for one mail before another takes it over: longer than any
/// mail server is waited for.
const LEASE: Duration = Duration::from_secs(300);

/// The waits after each attempt in vain; the last one goes on.
const BACK_OFF: [Duration; 5] = [
    minutes(1),
    minutes(2),
    minutes(5),
    minutes(15),
    LONGEST_WAIT,
];
const LONGEST_WAIT: Duration = minutes(60);

/// When a mail is given up.
const GIVEN_UP_AFTER: Duration = minutes(3 * 24 * 60);

/// How long the end of the service waits for a mail that is being sent.
const LAST_MAIL: Duration = Duration::from_secs(2);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// A hold on the thread, which ends with it.
pub(super) struct MailWorker {
    wake: SyncSender<()>,
    ending: Arc<AtomicBool>,
    ended: Mutex<Receiver<()>>,
}

struct Worker {
    db: DB,
    mailer: Mailer,
    writer: MailWriter,
    ending: Arc<AtomicBool>,
    told_that_off: bool,
}

/// Why a mail did not go out.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Later(String),
    #[error("{0}")]
    Never(String),
}

impl MailWorker {
    pub(super) fn start(db: DB, mailer: Mailer, templates: Templates) -> io::Result<Self> {
        let (wake, woken) = mpsc::sync_channel(1);
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let ending = Arc::new(AtomicBool::new(false));
        let mut worker = Worker {
            writer: MailWriter::new(db.clone(), templates),
            db,
            mailer,
            ending: Arc::clone(&ending),
            told_that_off: false,
        };
        thread::Builder::new().name("mail".into()).spawn(move || {
            worker.run(&woken);
            // First, so that who waits for the end finds the database closed.
            drop(worker);
            drop(end);
        })?;
        Ok(Self {
            wake,
            ending,
            ended: Mutex::new(ended),
        })
    }

    /// Says that there is a mail. Never blocks.
    pub(super) fn wake(&self) {
        match self.wake.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => log::error!("the thread for mails has ended"),
        }
    }
}

impl Drop for MailWorker {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
        // A mail that takes longer is sent by the next start, or by another instance.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LAST_MAIL) {
            log::warn!("a mail was being sent; it may be sent again");
        }
    }
}

impl Worker {
    fn run(&mut self, woken: &Receiver<()>) {
        while !self.ending.load(Ordering::Acquire) {
            match self.db.claim_mail(LEASE, LONGEST_WAIT) {
                Ok(Some(mail)) => {
                    self.handle(&mail);
                    continue;
                }
                Ok(None) => {}
                Err(error) => log::debug!("the outbox cannot be read: {error}"),
            }
            match woken.recv_timeout(PERIOD) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn handle(&mut self, mail: &ClaimedMail) {
        let done = match self.send(mail) {
            Ok(()) => self.db.finish_mail(mail),
            Err(Failure::Never(why)) => {
                self.drop_mail(mail, &why);
                self.db.finish_mail(mail)
            }
            Err(Failure::Later(why)) => {
                let now = self.db.clock().now();
                if mail.created_at.plus(GIVEN_UP_AFTER) <= now {
                    self.drop_mail(mail, &why);
                    self.db.finish_mail(mail)
                } else {
                    let wait = back_off(mail.attempts);
                    let (id, letter, seconds) = (mail.id, &mail.letter, wait.as_secs());
                    log::warn!("mail {id} ({letter}) waits {seconds} s: {why}");
                    self.db.postpone_mail(mail, wait)
                }
            }
        };
        if let Err(error) = done {
            log::warn!("mail {} may be sent again: {error}", mail.id);
        }
    }

    #[expect(clippy::unused_self, reason = "one of the worker's steps")]
    fn drop_mail(&self, mail: &ClaimedMail, why: &str) {
        log::error!("mail {} ({}) is given up: {why}", mail.id, mail.letter);
    }

    fn send(&mut self, mail: &ClaimedMail) -> Result<(), Failure> {
        if matches!(self.mailer, Mailer::Off) {
            if !self.told_that_off {
                log::warn!("mails are off (--mail off): nobody gets those that are asked for");
                self.told_that_off = true;
            }
            return Ok(());
        }
        let written = self
            .writer
            .write(mail)
            .map_err(|error| Failure::Later(error.to_string()))?;
        let Some(written) = written else {
            return Ok(());
        };
        self.mailer.send(&written).map_err(|error| match error {
            SendError::Refused(_) => Failure::Never(error.to_string()),
            SendError::Later(_) => Failure::Later(error.to_string()),
        })
    }
}

fn back_off(attempts: u32) -> Duration {
    let done = usize::try_from(attempts).unwrap_or(usize::MAX);
    let wait = BACK_OFF.get(done.saturating_sub(1));
    wait.copied().unwrap_or(LONGEST_WAIT)
}
