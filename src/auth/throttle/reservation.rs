//! What was counted for a use case, until it is settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::LimitHit;

/// Guesses that were counted before they were checked. They are given back once at the most,
/// whoever comes first: the login itself, or who waited for it in vain.
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

    /// What there is to be given back, for the first one who asks.
    pub(in crate::auth) fn claim(&self) -> &[LimitHit] {
        if self.0.settled.swap(true, Ordering::AcqRel) {
            &[]
        } else {
            &self.0.counted
        }
    }

    /// Whether it was the last one of somebody before a limit.
    pub(in crate::auth) fn is_last(&self) -> bool {
        self.0.counted.iter().any(LimitHit::is_last)
    }

    /// Takes a claim back: nothing came of it.
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
