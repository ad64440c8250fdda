//! The mail worker, a thread that claims queued mails and starts a thread for each of them.
//!
//! It wakes when this process queues a mail, and once a second for mails of other instances. Each
//! mail has a thread of its own, which waits a random time before it sends: neither the order nor
//! the time of mails reveals which other mails were sent.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::backoff::DeliveryBackoff;
use super::sender::{MailSender, Outcome};
use crate::auth::audit::AuditTrail;
use crate::auth::stats::MailCounts;
use crate::db::{ClaimedMail, DB, MailPriority};
use crate::mail::{InvitationMail, Mailer, Templates};

const PERIOD: Duration = Duration::from_secs(1);

/// How long the worker waits after a mail was queued, so that the response to the client is sent
/// first. Simultaneous work would delay it by a time that depends on the kind of mail.
const HEAD_START: Duration = Duration::from_millis(50);

/// How long a claim lasts before another worker may take the mail over: longer than the timeout
/// of any mail server.
const LEASE: Duration = Duration::from_secs(300);

/// How many mails are claimed at once; how many of these may have lower priorities; and how many
/// may be decoys. So there is always a thread for a mail to a verified address or known client.
const IN_HAND: usize = 32;
const UNPROVED_IN_HAND: usize = 24;
const DECOYS_IN_HAND: usize = 16;

/// How long a shutdown waits for mails that are being sent.
const LAST_MAIL: Duration = Duration::from_secs(2);

/// The handle of the threads, which end when this is dropped.
pub(in crate::auth) struct MailWorker {
    messages: Mutex<Sender<Message>>,
    /// Whether a wake-up was sent and not received yet.
    woken: Arc<AtomicBool>,
    ending: Arc<AtomicBool>,
    counts: Arc<MailCounts>,
    /// Whether mails are off.
    is_off: bool,
    ended: Mutex<Receiver<()>>,
}

enum Message {
    /// A mail was queued, or the service is shutting down.
    Wake,
    /// The email of an invitation, which is not in the outbox.
    Invitation(Box<InvitationMail>),
    /// A thread has finished with a mail. The outcome is none if it panicked.
    Finished(MailPriority, Option<Outcome>),
}

struct Worker {
    db: DB,
    sender: Arc<MailSender>,
    messages: Sender<Message>,
    woken: Arc<AtomicBool>,
    ending: Arc<AtomicBool>,
    in_hand: InHand,
    outage: DeliveryBackoff,
    /// Until when no mail is claimed.
    paused_until: Option<Instant>,
}

/// How many mails of each priority are claimed.
#[derive(Debug, Default, Clone, Copy)]
struct InHand {
    known: usize,
    unproved: usize,
    decoys: usize,
}

impl MailWorker {
    /// Starts the worker. `spread` is the longest random wait of a mail.
    pub(in crate::auth) fn start(
        db: DB,
        audit: AuditTrail,
        mailer: Mailer,
        templates: Templates,
        spread: Duration,
    ) -> io::Result<Self> {
        let (messages, received) = mpsc::channel();
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let (woken, ending) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let counts = Arc::new(MailCounts::default());
        let is_off = matches!(mailer, Mailer::Off);
        let sender = MailSender::new(db.clone(), audit, mailer, templates, spread);
        let sender = Arc::new(sender.counting(Arc::clone(&counts)));
        let mut worker = Worker {
            db,
            sender,
            messages: messages.clone(),
            woken: Arc::clone(&woken),
            ending: Arc::clone(&ending),
            in_hand: InHand::default(),
            outage: DeliveryBackoff::default(),
            paused_until: None,
        };
        thread::Builder::new().name("mail".into()).spawn(move || {
            run_on(|| worker.run(&received));
            // Before `end`, so that a shutdown finds the database closed.
            drop(worker);
            drop(end);
        })?;
        Ok(Self {
            messages: Mutex::new(messages),
            woken,
            ending,
            counts,
            is_off,
            ended: Mutex::new(ended),
        })
    }

    /// The outcomes of mails so far.
    pub(in crate::auth) fn counts(&self) -> &MailCounts {
        &self.counts
    }

    /// Wakes the worker for a queued mail. Never blocks for long.
    pub(in crate::auth) fn wake(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        self.send(Message::Wake);
    }

    /// Sends the email of an invitation once, after this returns. Returns false if mails are off.
    /// Never blocks for long.
    pub(in crate::auth) fn send_invitation(&self, mail: InvitationMail) -> bool {
        !self.is_off && self.send(Message::Invitation(Box::new(mail)))
    }

    fn send(&self, message: Message) -> bool {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = messages.send(message).is_ok();
        if !sent {
            log::error!("the mail worker has ended, and no mails are sent");
        }
        sent
    }
}

impl Drop for MailWorker {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
        // A mail that takes longer is sent after the next start, or by another instance.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LAST_MAIL) {
            log::warn!("a mail was being sent at shutdown; it may be sent again");
        }
    }
}

/// Calls `run` again until it returns without a panic.
fn run_on(mut run: impl FnMut()) {
    while panic::catch_unwind(AssertUnwindSafe(&mut run)).is_err() {
        log::error!("the mail worker panicked and continues");
    }
}

impl Worker {
    fn run(&mut self, received: &Receiver<Message>) {
        while !self.ending.load(Ordering::Acquire) {
            self.claim();
            match received.recv_timeout(self.until_next_look()) {
                Ok(message) => self.note(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // Mails in their random wait go back to the outbox; the others are sent.
        self.sender.end();
        while self.in_hand.all() > 0 {
            match received.recv() {
                Ok(message) => self.note(message),
                Err(_) => return,
            }
        }
    }

    /// Claims as many mails as allowed.
    fn claim(&mut self) {
        while let Some(lowest) = self.lowest() {
            match self
                .db
                .claim_mail(LEASE, super::sender::LONGEST_WAIT, lowest)
            {
                Ok(Some(mail)) => self.begin(mail),
                Ok(None) => return,
                Err(error) => {
                    log::debug!("the outbox cannot be read: {error}");
                    return;
                }
            }
        }
    }

    /// The lowest priority of which another mail may be claimed; none if none may.
    fn lowest(&mut self) -> Option<MailPriority> {
        if self
            .paused_until
            .is_some_and(|until| Instant::now() < until)
        {
            return None;
        }
        self.paused_until = None;
        // During an outage, only one mail at a time is tried.
        if self.outage.is_ongoing() && self.in_hand.all() > 0 {
            return None;
        }
        self.in_hand.lowest()
    }

    fn begin(&mut self, mail: ClaimedMail) {
        self.start_thread(mail.priority, move |sender| sender.deliver(&mail));
    }

    /// Sends a mail on a thread of its own, and notes its outcome.
    fn start_thread(
        &mut self,
        priority: MailPriority,
        deliver: impl FnOnce(&MailSender) -> Outcome + Send + 'static,
    ) {
        let sender = Arc::clone(&self.sender);
        let messages = self.messages.clone();
        let thread = thread::Builder::new()
            .name("mail-send".into())
            .spawn(move || {
                let outcome = panic::catch_unwind(AssertUnwindSafe(|| deliver(&sender)));
                // Before the message, so that a shutdown finds the database closed.
                drop(sender);
                drop(messages.send(Message::Finished(priority, outcome.ok())));
            });
        match thread {
            Ok(_) => *self.in_hand.of(priority) += 1,
            // The mail is tried again when its claim ends.
            Err(error) => {
                log::error!("cannot start a thread for a mail: {error}");
                self.paused_until = Some(Instant::now() + PERIOD);
            }
        }
    }

    fn note(&mut self, message: Message) {
        match message {
            Message::Wake => {
                thread::sleep(HEAD_START);
                self.woken.store(false, Ordering::Release);
            }
            Message::Invitation(mail) => self.start_thread(MailPriority::Known, move |sender| {
                sender.send_invitation(&mail);
                Outcome::Kept
            }),
            Message::Finished(priority, outcome) => {
                let in_hand = self.in_hand.of(priority);
                *in_hand = in_hand.saturating_sub(1);
                match outcome {
                    // The mail is tried again when its claim ends.
                    None => log::error!("a thread for a mail panicked"),
                    Some(Outcome::Done(None) | Outcome::Kept) => {}
                    Some(Outcome::Done(Some(_)) | Outcome::Wait(..)) => {
                        self.outage.record_success();
                    }
                    // Of mails that fail at the same time, only the first counts.
                    Some(Outcome::Away(_)) if self.paused_until.is_some() => {}
                    Some(Outcome::Away(why)) => {
                        let pause = self.outage.record_failure(&why);
                        self.paused_until = Some(Instant::now() + pause);
                    }
                }
            }
        }
    }

    fn until_next_look(&self) -> Duration {
        match self.paused_until {
            Some(until) => until.saturating_duration_since(Instant::now()),
            None => PERIOD,
        }
    }
}

impl InHand {
    fn all(self) -> usize {
        self.known + self.unproved + self.decoys
    }

    fn of(&mut self, priority: MailPriority) -> &mut usize {
        match priority {
            MailPriority::Known => &mut self.known,
            MailPriority::Unproved => &mut self.unproved,
            MailPriority::Decoy => &mut self.decoys,
        }
    }

    fn lowest(self) -> Option<MailPriority> {
        if self.all() >= IN_HAND {
            None
        } else if self.unproved + self.decoys >= UNPROVED_IN_HAND {
            Some(MailPriority::Known)
        } else if self.decoys >= DECOYS_IN_HAND {
            Some(MailPriority::Unproved)
        } else {
            Some(MailPriority::Decoy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_worker_continues_after_panics() {
        let mut runs = 0;
        run_on(|| {
            runs += 1;
            assert!(runs > 2, "a panic of the test");
        });
        assert_eq!(runs, 3);
    }

    #[test]
    fn m2_threads_are_left_for_mails_of_high_priority() {
        let mut in_hand = InHand::default();
        let mut claimed = |priority: MailPriority| {
            while in_hand
                .lowest()
                .is_some_and(|lowest| priority.is_before(lowest))
            {
                *in_hand.of(priority) += 1;
            }
            in_hand.all()
        };
        assert_eq!(claimed(MailPriority::Decoy), 16);
        assert_eq!(claimed(MailPriority::Unproved), 24);
        assert_eq!(claimed(MailPriority::Known), 32);
    }
}
