//! When the log speaks of a condition that lasts: at its beginning, every five minutes, and at
//! its end.

use std::time::{Duration, Instant};

/// How often the log repeats that the condition lasts.
const REMINDER: Duration = Duration::from_secs(300);

/// A condition that is noted again and again while it lasts.
#[derive(Debug)]
pub(in crate::db) struct Lasting {
    patience: Duration,
    ongoing: Option<Ongoing>,
}

#[derive(Debug, Clone, Copy)]
struct Ongoing {
    since: Instant,
    told: Option<Instant>,
}

/// What the log should say now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::db) enum Line {
    Begins,
    Lasts(Duration),
}

impl Lasting {
    /// A condition that is not logged before it has lasted for that long.
    pub(in crate::db) const fn after(patience: Duration) -> Self {
        Self {
            patience,
            ongoing: None,
        }
    }

    /// Notes that it is so.
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

    /// Notes that it is over. Returns how long it lasted, if the log has told of it.
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
    fn condition_is_told_at_begin_every_five_minutes_and_end() {
        let mut lasting = Lasting::after(SECOND / 2);
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
    fn condition_of_a_moment_is_not_told() {
        let mut lasting = Lasting::after(SECOND / 2);
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
