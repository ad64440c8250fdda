//! Distributions of measured times.

use std::fmt;
use std::time::Duration;

/// Times in ascending order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// The time that `share` thousandths of all times do not exceed; 1000 gives the longest.
    pub(crate) fn at(&self, share: usize) -> Time {
        let last = self.0.len().saturating_sub(1);
        let index = (self.0.len() * share / 1000).min(last);
        Time(self.0.get(index).copied())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

/// A time to print; none if nothing was measured.
pub(crate) struct Time(pub(crate) Option<Duration>);

impl Time {
    /// The ratio of this time to another one.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        let seconds = |time: &Self| time.0.map_or(f64::NAN, |time| time.as_secs_f64());
        seconds(self) / seconds(other)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(time) = self.0 else {
            return f.write_str("-");
        };
        let milliseconds = time.as_secs_f64() * 1000.0;
        if milliseconds < 10.0 {
            write!(f, "{milliseconds:.2} ms")
        } else if milliseconds < 1000.0 {
            write!(f, "{milliseconds:.1} ms")
        } else {
            write!(f, "{:.2} s", milliseconds / 1000.0)
        }
    }
}
