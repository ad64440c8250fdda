//! Moments in time, and the clock from which they come.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, in seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many seconds after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The moment in the format of RFC 3339, in UTC: `2027-01-15T08:00:00Z`. A moment outside
    /// the years 0 to 9999 is clamped to them.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let seconds = self.0.clamp(YEAR_0, YEAR_9999);
        jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
    }

    /// The moment `span` later, in whole seconds. Saturates.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_seconds(span)))
    }

    /// The moment `span` earlier, in whole seconds. Saturates.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_seconds(span)))
    }
}

/// The first second that RFC 3339 can express, and one of the last.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_9999: i64 = 253_402_207_200;

fn whole_seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The system clock, or a clock that a test sets. Clones of a set clock share its time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    hand: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stays at `now` until it is moved.
    #[must_use]
    pub fn set_to(now: Timestamp) -> Self {
        Self {
            hand: Some(Arc::new(AtomicI64::new(now.seconds()))),
        }
    }

    /// Moves a set clock forward. Does nothing to the system clock.
    pub fn advance(&self, span: Duration) {
        if let Some(hand) = &self.hand {
            hand.fetch_add(whole_seconds(span), Ordering::SeqCst);
        }
    }

    /// Sets a set clock to a moment, also to an earlier one. Does nothing to the system clock.
    pub fn set(&self, moment: Timestamp) {
        if let Some(hand) = &self.hand {
            hand.store(moment.seconds(), Ordering::SeqCst);
        }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let seconds = match &self.hand {
            Some(hand) => hand.load(Ordering::SeqCst),
            // A system clock before 1970 is wrong. At zero, no session is valid yet.
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, whole_seconds),
        };
        Timestamp(seconds)
    }
}
