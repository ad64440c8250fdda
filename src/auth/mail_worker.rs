//! The thread that sends the mails of the outbox.
//!
//! It wakes when this process queues one, and once a second for those of others.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::events::Event;
use super::figures::{MailCounts, MailOutcome};
use super::mail_outage::Outage;
use super::mail_writer::{MailWriter, NotWritten, Written};
use crate::db::{ClaimedMail, DB};
use crate::domain::Client;
use crate::mail::{Mailer, SendError, Templates};

const PERIOD: Duration = Duration::from_secs(1);

/// How long a mail waits that was just queued: until the answer to who asked for it is out. Work
/// beside it would slow it down, and not by the same for every kind of mail.
const HEAD_START: Duration = Duration::from_millis(50);

/// How long a worker may take for one mail before another takes it over: longer than any
/// mail server is waited for.
const LEASE: Duration = Duration::from_secs(300);

/// The waits after each attempt that says something about this mail; the last one goes on.
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
    counts: Arc<MailCounts>,
    ended: Mutex<Receiver<()>>,
}

struct Worker {
    db: DB,
    mailer: Mailer,
    writer: MailWriter,
    ending: Arc<AtomicBool>,
    counts: Arc<MailCounts>,
    told_that_off: bool,
}

/// What became of a mail that was taken in hand.
enum Outcome {
    /// It is off our hands, or there was nothing to send.
    Done(Option<MailOutcome>),
    /// It stays in the outbox for so long.
    Wait(Duration, String),
    /// No mail goes at the moment.
    Away(String),
}

impl MailWorker {
    pub(super) fn start(db: DB, mailer: Mailer, templates: Templates) -> io::Result<Self> {
        let (wake, woken) = mpsc::sync_channel(1);
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let ending = Arc::new(AtomicBool::new(false));
        let counts = Arc::new(MailCounts::default());
        let mut worker = Worker {
            writer: MailWriter::new(db.clone(), templates),
            db,
            mailer,
            ending: Arc::clone(&ending),
            counts: Arc::clone(&counts),
            told_that_off: false,
        };
        thread::Builder::new().name("mail".into()).spawn(move || {
            // The mail that it was about is tried again when its claim runs out.
            while panic::catch_unwind(AssertUnwindSafe(|| worker.run(&woken))).is_err() {
                log::error!("the thread for mails has panicked, and goes on");
            }
            // First, so that who waits for the end finds the database closed.
            drop(worker);
            drop(end);
        })?;
        Ok(Self {
            wake,
            ending,
            counts,
            ended: Mutex::new(ended),
        })
    }

    /// What became of the mails so far.
    pub(super) fn counts(&self) -> &MailCounts {
        &self.counts
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
        let mut outage = Outage::default();
        while !self.ending.load(Ordering::Acquire) {
            match self.db.claim_mail(LEASE, LONGEST_WAIT) {
                Ok(Some(mail)) => {
                    let outcome = self.handle(&mail);
                    self.settle(&mail, &outcome);
                    match outcome {
                        Outcome::Done(None) => {}
                        Outcome::Done(Some(_)) | Outcome::Wait(..) => outage.is_over(),
                        Outcome::Away(why) => self.pause(outage.goes_on(&why), woken),
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => log::debug!("the outbox cannot be read: {error}"),
            }
            match woken.recv_timeout(PERIOD) {
                Ok(()) => thread::sleep(HEAD_START),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Waits, whatever mails come meanwhile, but for the end of the service.
    fn pause(&self, pause: Duration, woken: &Receiver<()>) {
        let until = Instant::now() + pause;
        while !self.ending.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            match woken.recv_timeout(left) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Tries a mail. One that is too old is not tried for ever.
    fn handle(&mut self, mail: &ClaimedMail) -> Outcome {
        let outcome = self.send(mail);
        let is_old = mail.created_at.plus(GIVEN_UP_AFTER) <= self.db.clock().now();
        match outcome {
            Outcome::Wait(_, why) | Outcome::Away(why) if is_old => {
                log::error!("mail {} ({}) is given up: {why}", mail.id, mail.letter);
                Outcome::Done(Some(MailOutcome::GivenUp))
            }
            outcome @ (Outcome::Done(_) | Outcome::Wait(..) | Outcome::Away(_)) => outcome,
        }
    }

    /// Writes down what became of it.
    fn settle(&self, mail: &ClaimedMail, outcome: &Outcome) {
        let settled = match outcome {
            Outcome::Done(counted) => {
                if let Some(counted) = counted {
                    self.counts.count(*counted);
                }
                if *counted == Some(MailOutcome::Sent) {
                    let (user, mail) = (mail.user_id, mail.letter.as_str());
                    Event::MailSent { user, mail }.log(&Client::default());
                }
                self.db.finish_mail(mail)
            }
            Outcome::Wait(wait, why) => {
                let (id, letter, seconds) = (mail.id, &mail.letter, wait.as_secs());
                log::warn!("mail {id} ({letter}) waits {seconds} s: {why}");
                self.counts.count(MailOutcome::Postponed);
                self.db.postpone_mail(mail, *wait)
            }
            Outcome::Away(_) => self.db.postpone_mail(mail, Duration::ZERO),
        };
        if let Err(error) = settled {
            log::warn!("mail {} may be sent again: {error}", mail.id);
        }
    }

    fn send(&mut self, mail: &ClaimedMail) -> Outcome {
        if matches!(self.mailer, Mailer::Off) {
            if !self.told_that_off {
                log::warn!("mails are off (--mail off): nobody gets those that are asked for");
                self.told_that_off = true;
            }
            return Outcome::Done(None);
        }
        let (sent, done) = match self.writer.write(mail) {
            Ok(Written::ToSomebody(written)) => {
                (self.mailer.send(&written), Some(MailOutcome::Sent))
            }
            Ok(Written::ToNobody(written)) => (self.mailer.pretend(&written), None),
            Ok(Written::Nothing) => return Outcome::Done(None),
            Err(error @ NotWritten::Db(_)) => return Outcome::Away(error.to_string()),
            Err(error @ (NotWritten::Unreadable(_) | NotWritten::Template(_))) => {
                return Outcome::Wait(back_off(mail.attempts), error.to_string());
            }
        };
        match sent {
            Ok(()) => Outcome::Done(done),
            Err(error @ SendError::Refused(_)) => {
                log::error!("mail {} ({}) is given up: {error}", mail.id, mail.letter);
                Outcome::Done(Some(MailOutcome::Refused))
            }
            Err(error @ SendError::Later(_)) => {
                Outcome::Wait(back_off(mail.attempts), error.to_string())
            }
            Err(error @ SendError::Away(_)) => Outcome::Away(error.to_string()),
        }
    }
}

fn back_off(attempts: u32) -> Duration {
    let done = usize::try_from(attempts).unwrap_or(usize::MAX);
    let wait = BACK_OFF.get(done.saturating_sub(1));
    wait.copied().unwrap_or(LONGEST_WAIT)
}
