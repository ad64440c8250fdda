//! The cost of bcrypt.

use std::fmt;
use std::str::FromStr;

/// The cost of bcrypt, 4 to 31. A hash takes 2^cost rounds.
///
/// The default is 12, about a quarter of a second of one core. Costs below
/// [`BcryptCost::SERVING_MINIMUM`] are for tests (OWASP ASVS 5.0.0, appendix C).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BcryptCost(u32);

/// The cost is not a whole number from 4 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bcrypt cost must be a whole number from 4 to 31")]
pub struct BcryptCostError;

impl BcryptCost {
    /// The lowest cost that a service on the Internet should use.
    pub const SERVING_MINIMUM: Self = Self(10);
    /// The lowest cost of bcrypt, for tests.
    pub const MINIMUM: Self = Self(4);

    /// Checks a cost.
    ///
    /// # Errors
    /// [`BcryptCostError`] if it is outside 4 to 31.
    pub fn new(cost: u32) -> Result<Self, BcryptCostError> {
        if (4..=31).contains(&cost) {
            Ok(Self(cost))
        } else {
            Err(BcryptCostError)
        }
    }

    /// The cost as a number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// The rounds of a hash.
    #[must_use]
    pub fn rounds(self) -> u64 {
        1 << self.0
    }
}

impl Default for BcryptCost {
    fn default() -> Self {
        Self(12)
    }
}

impl FromStr for BcryptCost {
    type Err = BcryptCostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().map_or(Err(BcryptCostError), Self::new)
    }
}

impl fmt::Display for BcryptCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
