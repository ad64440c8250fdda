//! Delivers claimed mails: waits a random time, composes the mail, and sends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::compose::{MailWriter, NotWritten, Written};
use crate::auth::audit::{AuditTrail, Event};
use crate::auth::stats::{MailCounts, MailOutcome};
use crate::db::{ClaimedMail, DB};
use crate::domain::Client;
use crate::mail::{InvitationMail, InvitationMailError, Mail, Mailer, SendError, Templates};

/// The waits after failed attempts of a mail. The last one repeats.
const BACK_OFF: [Duration; 5] = [
    minutes(1),
    minutes(2),
    minutes(5),
    minutes(15),
    LONGEST_WAIT,
];
pub(in crate::auth) const LONGEST_WAIT: Duration = minutes(60);

/// The age at which a mail is given up.
const GIVEN_UP_AFTER: Duration = minutes(3 * 24 * 60);

/// The age from which a mail is sent without a random wait, so that mails go out quickly after an
/// outage.
const OLD_AFTER: Duration = minutes(1);

/// How many mails are sent at once. Servers limit the connections of a client.
const AT_ONCE: usize = 4;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The outcome of delivering a mail.
pub(in crate::auth) enum Outcome {
    /// The mail was sent or refused, or there was nothing to send.
    Done(Option<MailOutcome>),
    /// The mail is postponed by this time, for this reason.
    Wait(Duration, String),
    /// No mail can be sent at the moment, for this reason.
    Away(String),
    /// The service stopped during the mail's random wait. The mail stays in the outbox.
    Kept,
}

/// Delivers mails, on one thread for each claimed mail.
pub(in crate::auth) struct MailSender {
    db: DB,
    audit: AuditTrail,
    mailer: Mailer,
    writer: MailWriter,
    counts: Arc<MailCounts>,
    /// The longest random wait.
    spread: Duration,
    has_told_that_off: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many mails are being sent.
    busy: usize,
    is_ending: bool,
}

impl MailSender {
    pub(in crate::auth) fn new(
        db: DB,
        audit: AuditTrail,
        mailer: Mailer,
        templates: Templates,
        spread: Duration,
    ) -> Self {
        Self {
            writer: MailWriter::new(db.clone(), audit.clone(), templates),
            db,
            audit,
            mailer,
            counts: Arc::default(),
            spread,
            has_told_that_off: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Counts the outcomes of mails in `counts`.
    pub(in crate::auth) fn counting(self, counts: Arc<MailCounts>) -> Self {
        Self { counts, ..self }
    }

    /// Ends the random waits: the waiting mails go back to the outbox.
    pub(in crate::auth) fn end(&self) {
        self.state().is_ending = true;
        self.changed.notify_all();
    }

    /// Waits, tries to send a mail, and records the outcome. Blocks.
    pub(in crate::auth) fn deliver(&self, mail: &ClaimedMail) -> Outcome {
        let outcome = if self.wait_for_its_moment(mail) {
            self.handle(mail)
        } else {
            Outcome::Kept
        };
        self.settle(mail, &outcome);
        outcome
    }

    /// Sends the email of an invitation, once. The page has shown its link, so a failure is only
    /// logged. Blocks.
    pub(in crate::auth) fn send_invitation(&self, mail: &InvitationMail) {
        let turn = self.wait_for_a_turn();
        let sent = mail.send(&self.mailer, self.writer.templates());
        drop(turn);
        let counted = match sent {
            Ok(()) => MailOutcome::Sent,
            Err(error) => {
                log::warn!(
                    "the email of an invitation was not sent: {error}. Give the person the link \
                     yourself, or create another invitation"
                );
                match error {
                    InvitationMailError::Send(SendError::Refused(_)) => MailOutcome::Refused,
                    InvitationMailError::Send(SendError::Later(_) | SendError::Away(_))
                    | InvitationMailError::Template(_) => MailOutcome::GivenUp,
                }
            }
        };
        self.counts.count(counted);
    }

    /// Waits a random time, unless the mail is old. Returns false if the service is shutting down.
    fn wait_for_its_moment(&self, mail: &ClaimedMail) -> bool {
        let is_old = mail.created_at.plus(OLD_AFTER) <= self.db.clock().now();
        let wait = if is_old {
            Duration::ZERO
        } else {
            random_part(self.spread)
        };
        let until = Instant::now() + wait;
        let mut state = self.state();
        while !state.is_ending {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Tries to send a mail. Gives it up if it is too old.
    fn handle(&self, mail: &ClaimedMail) -> Outcome {
        let outcome = self.send(mail);
        let is_old = mail.created_at.plus(GIVEN_UP_AFTER) <= self.db.clock().now();
        match outcome {
            Outcome::Wait(_, why) | Outcome::Away(why) if is_old => {
                log::error!("mail {} ({}) is given up: {why}", mail.id, mail.kind);
                Outcome::Done(Some(MailOutcome::GivenUp))
            }
            outcome @ (Outcome::Done(_) | Outcome::Wait(..) | Outcome::Away(_) | Outcome::Kept) => {
                outcome
            }
        }
    }

    /// Records the outcome in the database.
    fn settle(&self, mail: &ClaimedMail, outcome: &Outcome) {
        let settled = match outcome {
            Outcome::Done(counted) => {
                if let Some(counted) = counted {
                    self.counts.count(*counted);
                }
                if *counted == Some(MailOutcome::Sent) {
                    let (user, mail) = (mail.user_id, mail.kind.as_str());
                    Event::mail_sent(user, mail).log(&self.audit, &Client::default());
                }
                self.db.finish_mail(mail)
            }
            Outcome::Wait(wait, why) => {
                let (id, kind, seconds) = (mail.id, &mail.kind, wait.as_secs());
                log::warn!("mail {id} ({kind}) waits {seconds} s: {why}");
                self.counts.count(MailOutcome::Postponed);
                self.db.postpone_mail(mail, *wait)
            }
            Outcome::Away(_) | Outcome::Kept => self.db.postpone_mail(mail, Duration::ZERO),
        };
        if let Err(error) = settled {
            log::warn!("mail {} may be sent again: {error}", mail.id);
        }
    }

    fn send(&self, mail: &ClaimedMail) -> Outcome {
        if matches!(self.mailer, Mailer::Off) {
            if !self.has_told_that_off.swap(true, Ordering::AcqRel) {
                log::warn!(
                    "mails are off (--mail off): the mails in the outbox are discarded; set --mail to send them"
                );
            }
            return Outcome::Done(None);
        }
        let (sent, done) = match self.writer.write(mail) {
            Ok(Written::ToSomebody(written)) => (
                self.hand_over(&written, Mailer::send),
                Some(MailOutcome::Sent),
            ),
            Ok(Written::ToNobody(written)) => (self.hand_over(&written, Mailer::pretend), None),
            Ok(Written::Nothing) => return Outcome::Done(None),
            Err(error @ NotWritten::Db(_)) => return Outcome::Away(error.to_string()),
            Err(error @ (NotWritten::Unreadable(_) | NotWritten::Template(_))) => {
                return Outcome::Wait(back_off(mail.attempts), error.to_string());
            }
        };
        match sent {
            Ok(()) => Outcome::Done(done),
            Err(error @ SendError::Refused(_)) => {
                log::error!("mail {} ({}) is given up: {error}", mail.id, mail.kind);
                Outcome::Done(Some(MailOutcome::Refused))
            }
            Err(error @ SendError::Later(_)) => {
                Outcome::Wait(back_off(mail.attempts), error.to_string())
            }
            Err(error @ SendError::Away(_)) => Outcome::Away(error.to_string()),
        }
    }

    /// Sends a mail, or runs the decoy work, as soon as fewer than [`AT_ONCE`] are being sent.
    fn hand_over(
        &self,
        mail: &Mail,
        way: impl FnOnce(&Mailer, &Mail) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let turn = self.wait_for_a_turn();
        let sent = way(&self.mailer, mail);
        drop(turn);
        sent
    }

    fn wait_for_a_turn(&self) -> Turn<'_> {
        let mut state = self.state();
        while state.busy >= AT_ONCE {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state.busy += 1;
        drop(state);
        Turn(self)
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a mail as being sent, until it is dropped, also by a panic.
struct Turn<'a>(&'a MailSender);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.changed.notify_all();
    }
}

fn back_off(attempts: u32) -> Duration {
    let done = usize::try_from(attempts).unwrap_or(usize::MAX);
    let wait = BACK_OFF.get(done.saturating_sub(1));
    wait.copied().unwrap_or(LONGEST_WAIT)
}

/// A random time between zero and `of`, uniformly distributed. Without random bytes, `of`.
fn random_part(of: Duration) -> Duration {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => of.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)),
        Err(_) => of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m4_random_waits_are_uniformly_distributed() {
        let longest = Duration::from_secs(2);
        let waits: Vec<_> = (0..1000).map(|_| random_part(longest)).collect();
        for tenth in 0..10 {
            let from = longest * tenth / 10;
            let within = waits
                .iter()
                .filter(|wait| (from..from + longest / 10).contains(*wait));
            assert!((50..200).contains(&within.count()), "the tenth {tenth}");
        }
    }
}
