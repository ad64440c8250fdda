//! Plain numbers about the load of the hashing threads.

use std::time::Duration;

/// The load of the hashing threads and of the queue in front of them.
#[derive(Debug, Clone)]
pub struct HasherStats {
    /// Hashes that wait for a thread.
    pub waiting: usize,
    /// How many hashes may wait.
    pub waiting_max: usize,
    /// Permits that clients hold, for hashes that wait and hashes that run.
    pub places_taken: usize,
    /// Threads that hash.
    pub threads: usize,
    /// How long a new hash would wait, by the measured pace of the threads.
    pub estimated_wait: Duration,
    /// How long the hashes waited that have begun since the start.
    pub waits: WaitHistogram,
    /// Requests refused since the start, because they would have waited too long.
    pub refused: u64,
}

/// A histogram of waiting times.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitHistogram {
    /// The number of waits up to the bound at the same position in [`WaitHistogram::BOUNDS`] and beyond
    /// the bound before it. The last number is of those beyond all bounds.
    pub counts: [u64; WaitHistogram::BOUNDS.len() + 1],
    /// The sum of all waits.
    pub total: Duration,
}

impl WaitHistogram {
    /// Upper bounds, in seconds.
    pub const BOUNDS: [f64; 10] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

    pub(super) fn count(&mut self, waited: Duration) {
        let seconds = waited.as_secs_f64();
        let position = Self::BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(position) {
            *count += 1;
        }
        self.total += waited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_under_the_smallest_bound_that_covers_it() {
        let mut waits = WaitHistogram::default();
        for milliseconds in [0, 1, 2, 10, 100, 2_500, 10_000, 10_001, 60_000] {
            waits.count(Duration::from_millis(milliseconds));
        }
        assert_eq!(waits.counts, [2, 2, 0, 1, 0, 0, 0, 1, 0, 1, 2]);
        assert_eq!(waits.total, Duration::from_millis(82_614));
    }
}
