//! Moments on the command line: a date, a time, or how long ago it was.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::{Clock, Timestamp};

/// Parses a date, a moment, or how long ago it was.
pub(super) fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let of_date = |date: Date| {
        let at = date.to_zoned(TimeZone::UTC).ok()?;
        Some(at.timestamp().as_second())
    };
    let seconds = text
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_second)
        .or_else(|| text.parse().ok().and_then(of_date));
    if let Some(seconds) = seconds {
        return Ok(Timestamp::from_seconds(seconds));
    }
    let ago: Option<Duration> = humantime::parse_duration(text).ok();
    ago.map(|ago| Clock::system().now().minus(ago))
        .ok_or("not a date: for example 2026-01-31, 2026-01-31T12:00:00Z, or 90d for 90 days ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_or_durations() {
        let seconds = |text| moment(text).map(Timestamp::seconds);
        assert_eq!(seconds("1970-01-02"), Ok(86_400));
        assert_eq!(seconds("1970-01-02T01:00:00Z"), Ok(90_000));
        let now = Clock::system().now().seconds();
        let week = seconds("7d").unwrap();
        assert!((now - 7 * 86_400 - 5..=now - 7 * 86_400).contains(&week));
        assert!(moment("yesterday").is_err());
    }
}
