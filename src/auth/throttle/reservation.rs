//! The counts of a use case, until they are settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::LimitHit;

/// Counts that were taken before a check. They are refunded at most once: by the use case
/// itself, or after its failure. Clones share this state.
#[derive(Debug, Clone, Default)]
pub(in crate::auth) struct Reservation(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counted: Vec<LimitHit>,
    settled: AtomicBool,
}

impl Reservation {
    pub(super) fn new(counted: Vec<LimitHit>) -> Self {
        Self(Arc::new(Inner {
            counted,
            settled: AtomicBool::new(false),
        }))
    }

    /// The counts to refund, for the first caller; none for any later one.
    pub(in crate::auth) fn claim(&self) -> &[LimitHit] {
        if self.0.settled.swap(true, Ordering::AcqRel) {
            &[]
        } else {
            &self.0.counted
        }
    }

    /// Whether one of the counts reached its limit.
    pub(in crate::auth) fn is_last(&self) -> bool {
        self.0.counted.iter().any(LimitHit::is_last)
    }

    /// Withdraws a claim, because the refund was not written.
    pub(in crate::auth) fn release(&self) {
        self.0.settled.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_refunded_once_unless_it_is_released() {
        let reservation = Reservation::new(vec![LimitHit::sample()]);
        let other = reservation.clone();
        assert_eq!(reservation.claim().len(), 1);
        assert_eq!(other.claim().len(), 0);
        other.release();
        assert_eq!(reservation.claim().len(), 1);
    }
}
