//! Logs that mails are dropped because the outbox is full.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::QueuedMail;
use crate::db::connection::condition_log::{ConditionLog, Line};

/// How long no mail must be dropped before the condition is over. If this were shorter, an outbox
/// that is full while it is being emptied would log a beginning and an end for each mail.
const CALM: Duration = Duration::from_secs(60);

/// The mails that this process drops.
pub(super) static DROPPED: DroppedMails = DroppedMails(Mutex::new(State {
    lasting: ConditionLog::after(Duration::ZERO),
    latest: None,
    count: 0,
}));

pub(super) struct DroppedMails(Mutex<State>);

struct State {
    lasting: ConditionLog,
    latest: Option<Instant>,
    count: u64,
}

impl DroppedMails {
    /// Notes that a mail was dropped.
    pub(super) fn note(&self, mail: &QueuedMail) {
        let (line, count) = {
            let mut state = self.state();
            (state.note(Instant::now()), state.count)
        };
        let kind = mail.kind;
        match line {
            None => {}
            Some(Line::Begins) => log::warn!(
                "the outbox is full: a mail ({kind}) is dropped, and more may be. `bienvenue mail \
                 queue` lists the queued mails; `bienvenue mail test` tests the mail server"
            ),
            Some(Line::Lasts(length)) => log::warn!(
                "the outbox is full since {} min: {count} mails were dropped",
                length.as_secs() / 60
            ),
        }
    }

    /// Logs the end of the condition, once no mail was dropped for [`CALM`].
    pub(super) fn look(&self) {
        let over = self.state().end(Instant::now());
        if let Some((length, count)) = over {
            log::info!(
                "the outbox has room again, after {} s: {count} mails were dropped",
                length.as_secs()
            );
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, now: Instant) -> Option<Line> {
        self.latest = Some(now);
        self.count += 1;
        self.lasting.report(now)
    }

    /// How long mails were dropped, and how many, once that is over.
    fn end(&mut self, now: Instant) -> Option<(Duration, u64)> {
        let latest = self.latest?;
        if now.saturating_duration_since(latest) < CALM {
            return None;
        }
        self.latest = None;
        let count = mem::take(&mut self.count);
        Some((self.lasting.end(latest)?, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn dropped_mails_are_logged_every_five_minutes() {
        let mut state = State {
            lasting: ConditionLog::after(Duration::ZERO),
            latest: None,
            count: 0,
        };
        let begin = Instant::now();
        let mut lines = Vec::new();
        for second in 0..=400 {
            let now = begin + SECOND * second;
            if let Some(line) = state.note(now) {
                lines.push((line, state.count));
            }
            assert_eq!(state.end(now), None, "mails are dropped each second");
        }
        let expected = [(Line::Begins, 1), (Line::Lasts(SECOND * 300), 301)];
        assert_eq!(lines, expected);
        assert_eq!(state.end(begin + SECOND * 459), None, "not calm yet");
        let over = state.end(begin + SECOND * 460);
        assert_eq!(over, Some((SECOND * 400, 401)));
        assert_eq!(state.end(begin + SECOND * 600), None, "told once");
        assert_eq!(state.note(begin + SECOND * 700), Some(Line::Begins));
        assert_eq!(state.count, 1);
    }
}
