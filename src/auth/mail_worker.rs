//! The thread that sends the mails of the outbox.
//!
//! It wakes when this process queues one, and once a second for those of others. What a mail
//! needs to let somebody in is made here, when it is sent, and is nowhere but in the mail.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::events::Event;
use super::reset_password::{CHANGED_LETTER, RESET_LETTER, make_token};
use crate::db::{ClaimedMail, DB, DbError};
use crate::domain::{Client, Email, ResetToken, UserId};
use crate::mail::{Letter, Mailer, SendError, Templates};

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
    templates: Templates,
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
            db,
            mailer,
            templates,
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
        let Some(user_id) = mail.user_id else {
            return self.do_as_if(mail);
        };
        let user = match self.db.find_user_by(user_id) {
            Ok(user) => user,
            Err(DbError::NoResultFound) => return Ok(()),
            Err(error) => return Err(Failure::Later(error.to_string())),
        };
        let Some(letter) = self.letter(mail, user_id)? else {
            return Ok(());
        };
        // To the address that is stored, whatever somebody typed.
        let written = self.templates.render(&letter, &user.email);
        let written = written.map_err(|error| Failure::Later(error.to_string()))?;
        self.mailer.send(&written).map_err(|error| match error {
            SendError::Refused(_) => Failure::Never(error.to_string()),
            SendError::Later(_) => Failure::Later(error.to_string()),
        })
    }

    /// What the mail says; nothing if its user is gone.
    fn letter(&self, mail: &ClaimedMail, user_id: UserId) -> Result<Option<Letter>, Failure> {
        match mail.letter.as_str() {
            RESET_LETTER => match make_token(&self.db, user_id) {
                Ok(token) => {
                    Event::ResetTokenCreated { user: user_id }.log(&Client::default());
                    let token = token.expose();
                    Ok(Some(Letter::PasswordReset { token }))
                }
                Err(DbError::NoResultFound) => Ok(None),
                Err(error) => Err(Failure::Later(error.to_string())),
            },
            CHANGED_LETTER => Ok(Some(Letter::PasswordChanged)),
            // Of a newer version, which runs beside this one or ran before it.
            unknown => Err(Failure::Later(format!("no letter is called {unknown}"))),
        }
    }

    /// The work of a mail to an address without an account, up to the sending: a worker that
    /// is busy for longer with others would tell them apart.
    fn do_as_if(&self, mail: &ClaimedMail) -> Result<(), Failure> {
        let nobody = UserId::new(0);
        drop(self.db.find_user_by(nobody));
        match self.letter(mail, nobody)? {
            Some(_) | None => {}
        }
        let token = ResetToken::generate().expose();
        let address = Email::from_stored("nobody@localhost".to_owned());
        let letter = Letter::PasswordReset { token };
        let written = self.templates.render(&letter, &address);
        written.map_err(|error| Failure::Later(error.to_string()))?;
        Ok(())
    }
}

fn back_off(attempts: u32) -> Duration {
    let done = usize::try_from(attempts).unwrap_or(usize::MAX);
    let wait = BACK_OFF.get(done.saturating_sub(1));
    wait.copied().unwrap_or(LONGEST_WAIT)
}
