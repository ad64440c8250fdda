//! Logs refusals for overload together, not one by one.

use std::time::{Duration, Instant};

/// The shortest time between two log lines about refusals.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// Counts refusals, so that a flood of them makes one log line a minute.
#[derive(Debug, Default)]
pub(super) struct OverloadLog {
    total: u64,
    untold: u64,
    told_at: Option<Instant>,
}

impl OverloadLog {
    /// Counts one refusal. Returns the number since the last log line if the next one is due.
    pub(super) fn count(&mut self, now: Instant) -> Option<u64> {
        self.total += 1;
        self.untold += 1;
        let told_at = self.told_at.replace(now);
        if told_at.is_some_and(|at| now.duration_since(at) < BETWEEN_WARNINGS) {
            self.told_at = told_at;
            return None;
        }
        Some(std::mem::take(&mut self.untold))
    }

    /// All refusals since the start.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_once_a_minute_with_their_number() {
        let mut refusals = OverloadLog::default();
        let begin = Instant::now();
        let told: Vec<_> = [0, 1, 59, 61, 62, 130]
            .map(|second| refusals.count(begin + Duration::from_secs(second)))
            .into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
