//! Decides when the log mentions a lasting condition: when it begins, every five minutes, and
//! when it ends.

use std::time::{Duration, Instant};

/// How often the log repeats a condition that lasts.
const REMINDER: Duration = Duration::from_secs(300);

/// A condition that is reported repeatedly while it lasts.
#[derive(Debug)]
pub(in crate::db) struct ConditionLog {
    patience: Duration,
    ongoing: Option<Ongoing>,
}

#[derive(Debug, Clone, Copy)]
struct Ongoing {
    since: Instant,
    told: Option<Instant>,
}

/// The log line that is due.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::db) enum Line {
    Begins,
    Lasts(Duration),
}

impl ConditionLog {
    /// A condition that is logged only after it has lasted for `patience`.
    pub(in crate::db) const fn after(patience: Duration) -> Self {
        Self {
            patience,
            ongoing: None,
        }
    }

    /// Reports that the condition holds. Returns the log line that is due, if any.
    pub(in crate::db) fn goes_on(&mut self, now: Instant) -> Option<Line> {
        let ongoing = self.ongoing.get_or_insert(Ongoing {
            since: now,
            told: None,
        });
        let length = now.saturating_duration_since(ongoing.since);
        let line = match ongoing.told {
            None if length >= self.patience => Line::Begins,
            Some(told) if now.saturating_duration_since(told) >= REMINDER => Line::Lasts(length),
            None | Some(_) => return None,
        };
        ongoing.told = Some(now);
        Some(line)
    }

    /// Reports that the condition is over. Returns how long it lasted, if it was logged.
    pub(in crate::db) fn is_over(&mut self, now: Instant) -> Option<Duration> {
        let over = self.ongoing.take();
        over.filter(|ongoing| ongoing.told.is_some())
            .map(|ongoing| now.saturating_duration_since(ongoing.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_condition_is_logged_every_five_minutes() {
        let mut lasting = ConditionLog::after(SECOND / 2);
        let begin = Instant::now();
        let lines: Vec<(u64, Line)> = (0..1000)
            .filter_map(|second| {
                let line = lasting.goes_on(begin + SECOND * u32::try_from(second).unwrap())?;
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
        assert_eq!(lasting.is_over(begin + SECOND * 1000), Some(SECOND * 1000));
        assert_eq!(lasting.is_over(begin + SECOND * 1001), None);
    }

    #[test]
    fn a_short_condition_is_not_logged() {
        let mut lasting = ConditionLog::after(SECOND / 2);
        let begin = Instant::now();
        for milliseconds in [0, 200, 400] {
            let now = begin + Duration::from_millis(milliseconds);
            assert_eq!(lasting.goes_on(now), None);
        }
        assert_eq!(lasting.is_over(begin + SECOND), None);
        let again = lasting.goes_on(begin + SECOND * 2);
        assert_eq!(again, None, "begins again");
    }
}
