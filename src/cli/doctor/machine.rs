//! Checks of this machine.

use std::time::{Duration, Instant};

use super::Finding;
use super::examination::{Check, Examination};
use crate::domain::BcryptCost;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "hashing",
    looks_at: "how long a hash at the cost of the settings takes on this machine",
    run: hashing,
}];

/// The cost at which the time is measured. Each step above doubles it.
const MEASURED_COST: u32 = 8;
const MEASUREMENTS: usize = 3;

/// Below this, a stolen database is guessed too fast.
const FAST: Duration = Duration::from_millis(20);
/// Above this, users notice each login.
const SLOW: Duration = Duration::from_secs(1);

fn hashing(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    if !config.is_https() {
        return Vec::new();
    }
    let cost = config.passwords.bcrypt_cost;
    let Some(time) = time_of(cost) else {
        return vec![Finding::skipped(
            "a hash could not be computed",
            "check that the system returns random bytes",
        )];
    };
    let finding = if time < FAST {
        Finding::warning(
            format!("a hash at cost {cost} takes {} ms", time.as_millis()),
            "raise --bcrypt-cost (BIENVENUE_BCRYPT_COST) until a hash takes 50 ms or more",
        )
    } else if time > SLOW {
        Finding::warning(
            format!(
                "a hash at cost {cost} takes {:.1} s: logins are slow, and few fit into a second",
                time.as_secs_f64()
            ),
            "lower --bcrypt-cost (BIENVENUE_BCRYPT_COST); 10 is the lowest",
        )
    } else {
        return Vec::new();
    };
    vec![finding]
}

/// The time of a hash at a cost, by the fastest of several hashes at a lower one. A hash in the
/// lanes of the service takes about as long as one of this crate.
fn time_of(cost: BcryptCost) -> Option<Duration> {
    let measured = BcryptCost::new(MEASURED_COST).ok()?.min(cost);
    let mut fastest = Duration::MAX;
    for _ in 0..MEASUREMENTS {
        let begun = Instant::now();
        bcrypt::hash("a password", measured.get()).ok()?;
        fastest = fastest.min(begun.elapsed());
    }
    let doublings = cost.get().saturating_sub(measured.get());
    Some(fastest.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)))
}
