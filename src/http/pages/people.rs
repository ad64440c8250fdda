//! Moments and devices as people read them.

use crate::domain::{Timestamp, device_names};

/// A moment as people read it, in UTC: `2026-11-26 18:40 UTC`.
pub(crate) fn date(moment: Timestamp) -> String {
    let text = moment.rfc3339();
    match text.split_once('T') {
        Some((day, time)) => {
            let minutes: String = time.chars().take(5).collect();
            format!("{day} {minutes} UTC")
        }
        None => text,
    }
}

/// Browser and system in words that are the same in each language.
pub(crate) fn device(user_agent: &str) -> Option<String> {
    let (browser, system) = device_names(user_agent);
    let names: Vec<&str> = browser.into_iter().chain(system).collect();
    (!names.is_empty()).then(|| names.join(" – "))
}
