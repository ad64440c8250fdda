//! The time in which no connection to the database can be opened, as the log tells of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long connections have to fail before the log says so: a server that restarts within that
/// time costs nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the log repeats that it lasts.
const REMINDER: Duration = Duration::from_secs(300);

/// Shared by the pools of a database. The pools try to connect again and again while anything
/// asks for a connection, so that beginning, length and end show here.
#[derive(Debug, Clone, Default)]
pub(super) struct Outage(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Read at each connection that was opened, without the lock.
    lasts: AtomicBool,
    ongoing: Mutex<Option<Ongoing>>,
}

#[derive(Debug, Clone, Copy)]
struct Ongoing {
    since: Instant,
    told: Option<Instant>,
}

/// What the log should say now.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Begins,
    Lasts(Duration),
}

impl Outage {
    /// Notes that a connection could not be opened.
    pub(super) fn goes_on(&self, cause: &str) {
        let line = self.note_failure(Instant::now());
        // A cause of libpq has a line for each host that it tried.
        let cause = || cause.split_whitespace().collect::<Vec<_>>().join(" ");
        match line {
            None => {}
            Some(Line::Begins) => log::error!(
                "no connection to the database can be opened: {}. Requests that need it are \
                 answered 503. The service connects again by itself: do not restart it",
                cause()
            ),
            Some(Line::Lasts(length)) => log::error!(
                "no connection to the database can be opened since {} min: {}",
                length.as_secs() / 60,
                cause()
            ),
        }
    }

    /// Notes that a connection was opened.
    pub(super) fn is_over(&self) {
        if !self.0.lasts.load(Ordering::Acquire) {
            return;
        }
        if let Some(length) = self.note_success(Instant::now()) {
            log::info!(
                "the database can be reached again, after {} s",
                length.as_secs()
            );
        }
    }

    fn note_failure(&self, now: Instant) -> Option<Line> {
        let mut ongoing = self.ongoing();
        self.0.lasts.store(true, Ordering::Release);
        let ongoing = ongoing.get_or_insert(Ongoing {
            since: now,
            told: None,
        });
        let length = now.saturating_duration_since(ongoing.since);
        let line = match ongoing.told {
            None if length >= PATIENCE => Line::Begins,
            Some(told) if now.saturating_duration_since(told) >= REMINDER => Line::Lasts(length),
            None | Some(_) => return None,
        };
        ongoing.told = Some(now);
        Some(line)
    }

    /// How long it lasted, if the log has told of it.
    fn note_success(&self, now: Instant) -> Option<Duration> {
        let over = self.ongoing().take();
        self.0.lasts.store(false, Ordering::Release);
        over.filter(|ongoing| ongoing.told.is_some())
            .map(|ongoing| now.saturating_duration_since(ongoing.since))
    }

    /// Nothing panics while it holds the lock, so a poisoned one is whole.
    fn ongoing(&self) -> MutexGuard<'_, Option<Ongoing>> {
        let ongoing = &self.0.ongoing;
        ongoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn outage_is_told_at_its_begin_every_five_minutes_and_its_end() {
        let outage = Outage::default();
        let begin = Instant::now();
        let lines: Vec<(u64, Line)> = (0..1000)
            .filter_map(|second| {
                let line = outage.note_failure(begin + SECOND * u32::try_from(second).unwrap())?;
                Some((second, line))
            })
            .collect();
        let expected = [
            (1, Line::Begins),
            (301, Line::Lasts(SECOND * 301)),
            (601, Line::Lasts(SECOND * 601)),
            (901, Line::Lasts(SECOND * 901)),
        ];
        assert_eq!(lines, expected);
        assert_eq!(
            outage.note_success(begin + SECOND * 1000),
            Some(SECOND * 1000)
        );
        assert_eq!(outage.note_success(begin + SECOND * 1001), None);
    }

    #[test]
    fn failure_of_a_moment_is_not_told() {
        let outage = Outage::default();
        let begin = Instant::now();
        for milliseconds in [0, 200, 400] {
            let now = begin + Duration::from_millis(milliseconds);
            assert_eq!(outage.note_failure(now), None);
        }
        assert_eq!(outage.note_success(begin + SECOND), None);
        assert_eq!(
            outage.note_failure(begin + SECOND * 2),
            None,
            "begins again"
        );
    }
}
