//! Logs refusals of logins together, not one by one.

use std::time::{Duration, Instant};

/// How often the log speaks of refusals.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// Who was refused, for the log: a line a minute tells as much as a line for each, and a
/// flood of refusals must not become a flood of writing.
#[derive(Debug, Default)]
pub(super) struct OverloadLog {
    total: u64,
    untold: u64,
    told_at: Option<Instant>,
}

impl OverloadLog {
    /// Counts one, and tells how many there are to tell of if it is time to.
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

    /// All since the start.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_of_once_a_minute_with_their_number() {
        let mut refusals = OverloadLog::default();
        let begin = Instant::now();
        let told: Vec<_> = [0, 1, 59, 61, 62, 130]
            .map(|second| refusals.count(begin + Duration::from_secs(second)))
            .into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
