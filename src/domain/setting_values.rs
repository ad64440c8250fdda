//! The values that settings of several groups take.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Rate;

/// Why the value of a setting is invalid. The message says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(crate) &'static str);

/// A number that is at least one.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, ValueError> {
    text.parse()
        .or(Err(ValueError("must be a whole number, 1 or more")))
}

/// A duration such as `30m`, at least one second.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, ValueError> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| *duration >= Duration::from_secs(1))
        .ok_or(ValueError(
            "must be a time such as 5s, 30m, 24h or 7d, at least one second",
        ))
}

/// `on` or `off`.
pub(crate) fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|text| text == "on")
}

/// A rate: a burst, then one per interval, such as `20+1/30s`.
pub(crate) fn parse_rate(text: &str) -> Result<Rate, ValueError> {
    let rate = || {
        let (burst, interval) = text.split_once("+1/")?;
        let burst = burst.parse().ok().filter(|burst| *burst > 0)?;
        let interval = positive_duration(interval).ok()?;
        Some(Rate { burst, interval })
    };
    rate().ok_or(ValueError(
        "must be a burst and an interval, such as 20+1/30s (20 at once, then one every 30 seconds)",
    ))
}
