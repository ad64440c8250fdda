//! The origins whose requests were refused, so that the log names each of them once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::Origin;

/// How many origins are remembered. A client can make up any number of them.
const REMEMBERED_MAX: usize = 256;

/// After how long they are forgotten, once the number is reached.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// The longest origin that is logged. A host name has at most 253 characters.
pub(super) const ORIGIN_MAX: usize = 280;

/// The origins that were logged.
#[derive(Debug)]
pub(crate) struct RefusedOrigins(Mutex<WarnedOrigins>);

#[derive(Debug)]
struct WarnedOrigins {
    origins: BTreeSet<String>,
    since: Instant,
}

impl Default for RefusedOrigins {
    fn default() -> Self {
        Self(Mutex::new(WarnedOrigins {
            origins: BTreeSet::new(),
            since: Instant::now(),
        }))
    }
}

impl RefusedOrigins {
    /// Logs once that requests from pages of an origin are refused, and how to allow them.
    pub(crate) fn warn_once(&self, origin: &Origin, own: Option<&Origin>) {
        if !self.is_new(origin, Instant::now()) {
            return;
        }
        let own = own.map_or_else(|| "unknown".to_owned(), Origin::to_string);
        log::warn!(
            "a cross-origin request from {origin} was refused, because the service's own origin \
             is {own}. If the page is yours, set --allowed-origins {origin}; if users reach the \
             service itself at {origin}, set --public-url {origin}"
        );
    }

    fn is_new(&self, origin: &Origin, now: Instant) -> bool {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.origins.len() >= REMEMBERED_MAX {
            if now.saturating_duration_since(named.since) < REMEMBERED_FOR {
                return false;
            }
            named.origins.clear();
        }
        if named.origins.is_empty() {
            named.since = now;
        }
        named.origins.insert(origin.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(number: usize) -> Origin {
        Origin::of_plain_host(&format!("{number}.example")).unwrap()
    }

    #[test]
    fn a_bounded_number_of_origins_is_logged_once_an_hour() {
        let refused = RefusedOrigins::default();
        let now = Instant::now();
        let named = |from: usize, now| {
            let origins = from..from + 1000;
            origins
                .filter(|number| refused.is_new(&origin(*number), now))
                .count()
        };
        assert_eq!(named(0, now), REMEMBERED_MAX);
        assert_eq!(named(0, now), 0);
        assert_eq!(named(1000, now), 0, "memory is bounded");
        assert_eq!(named(1000, now + REMEMBERED_FOR), REMEMBERED_MAX);
    }
}
