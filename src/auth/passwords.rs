//! How a password is stored, and how one is checked against what is stored.
//!
//! Up to 71 bytes: standard bcrypt, `$2b$12$...`, as any library reads it. Longer ones
//! would be cut at 72 bytes in silence, so they are hashed down first, and the stored text
//! says so by a tag in front: `$bienvenue-1$2b$12$...` is
//! bcrypt(base64(HMAC-SHA-384("bienvenue/password/1", password))). The tag alone decides how
//! to verify: a digest that is typed as a password is just another password.

use std::hint::black_box;
use std::ops::RangeInclusive;
use std::str::FromStr;

use bcrypt::{BcryptError, HashParts};
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;
use zeroize::Zeroizing;

use super::hasher::Work;
use crate::domain::{BcryptCost, HashedPassword, Password};

/// What bcrypt reads of a password besides the NUL that ends it.
const BCRYPT_BYTES: usize = 71;
const TAG: &str = "$bienvenue-1";
const PREHASH_KEY: &[u8] = b"bienvenue/password/1";

/// A password could not be hashed: a defect, or a system without randomness.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// What bcrypt says.
    #[error("bcrypt: {0}")]
    Bcrypt(#[from] BcryptError),
    /// HMAC took no key, which it does of any length.
    #[error("HMAC refused its key")]
    Hmac,
    /// The thread that hashed it is gone.
    #[error("the hashing thread gave no answer")]
    NoAnswer,
}

/// The document's `_hash_password`: a salted bcrypt hash, fit for storing. Blocks for as
/// long as the cost asks, a quarter of a second of a core at 12.
///
/// # Errors
/// [`HashError`] if the system gives no random salt.
pub fn hash_password(password: &Password, cost: BcryptCost) -> Result<HashedPassword, HashError> {
    let hash = |input: &str| bcrypt::hash_with_result(input, cost.get());
    let stored = if password.expose().len() <= BCRYPT_BYTES {
        hash(password.expose())?.format_for_version(bcrypt::Version::TwoB)
    } else {
        let parts = hash(&prehash(password)?)?;
        format!("{TAG}{}", parts.format_for_version(bcrypt::Version::TwoB))
    };
    Ok(HashedPassword::from_stored(stored))
}

fn prehash(password: &Password) -> Result<Zeroizing<String>, HashError> {
    let mut mac = Hmac::<Sha384>::new_from_slice(PREHASH_KEY).or(Err(HashError::Hmac))?;
    mac.update(password.expose().as_bytes());
    Ok(Zeroizing::new(BASE64.encode(&mac.finalize().into_bytes())))
}

/// A stored password that is a bcrypt hash.
struct Stored<'a> {
    bcrypt: &'a str,
    cost: u32,
    tagged: bool,
}

impl<'a> Stored<'a> {
    fn read(hashed_password: &'a HashedPassword) -> Option<Self> {
        let text = hashed_password.expose();
        let (bcrypt, tagged) = match text.strip_prefix(TAG) {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let cost = HashParts::from_str(bcrypt).ok()?.get_cost();
        (4..=31).contains(&cost).then_some(Self {
            bcrypt,
            cost,
            tagged,
        })
    }

    /// Untagged, only the first 72 bytes of the password count: an adopted hash was made
    /// that way. One of our own has its closing NUL within them, which no password contains.
    fn matches(&self, password: &Password) -> Result<bool, HashError> {
        if self.tagged {
            Ok(bcrypt::verify(prehash(password)?.as_str(), self.bcrypt)?)
        } else {
            Ok(bcrypt::verify(password.expose(), self.bcrypt)?)
        }
    }

    fn is_outdated(&self, password: &Password, cost: BcryptCost) -> bool {
        self.cost < cost.get() || (!self.tagged && password.expose().len() > BCRYPT_BYTES)
    }
}

/// The work of hashing a new password.
#[derive(Debug)]
pub struct Hashing {
    pub(super) password: Password,
    pub(super) cost: BcryptCost,
}

impl Work for Hashing {
    type Done = Result<HashedPassword, HashError>;

    fn run(self) -> Self::Done {
        hash_password(&self.password, self.cost)
    }
}

/// The work of checking a password, which takes as long for an account that is not there,
/// or whose stored password is no hash, as for any other: one bcrypt at the current cost.
#[derive(Debug)]
pub struct Verification {
    pub(super) password: Password,
    pub(super) stored: Option<HashedPassword>,
    pub(super) cost: BcryptCost,
}

/// The outcome of a [`Verification`].
#[derive(Debug)]
pub struct Verified {
    pub(super) password: Password,
    /// Whether the password is right.
    pub(super) right: bool,
    /// Whether it is right and what is stored should be made anew.
    pub(super) outdated: bool,
}

impl Work for Verification {
    type Done = Verified;

    fn run(self) -> Verified {
        let Self {
            password,
            stored,
            cost,
        } = self;
        let stored = stored.as_ref().and_then(Stored::read);
        let right = match &stored {
            Some(stored) => stored.matches(&password).unwrap_or_else(|error| {
                log::debug!("a stored password cannot be verified: {error}");
                false
            }),
            None => false,
        };
        if !right {
            let verified_at = stored.as_ref().map(|stored| stored.cost);
            costs_to_make_up(verified_at, cost).for_each(|cost| spend(&password, cost));
        }
        let outdated = right && stored.is_some_and(|stored| stored.is_outdated(&password, cost));
        Verified {
            password,
            right,
            outdated,
        }
    }
}

/// What a failed verification still has to compute so that it has cost as much as one hash
/// at the current cost C: all of it where there was nothing to verify, and c .. C-1 after one
/// at a lower cost c, because 2^c + 2^c + 2^(c+1) + .. + 2^(C-1) is 2^C.
fn costs_to_make_up(verified_at: Option<u32>, current: BcryptCost) -> RangeInclusive<u32> {
    let current = current.get();
    match verified_at {
        None => current..=current,
        Some(cost) => cost..=current - 1,
    }
}

/// Computes a hash for the time it takes.
fn spend(password: &Password, cost: u32) {
    drop(black_box(bcrypt::hash_with_salt(
        password.expose(),
        cost,
        [0; 16],
    )));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r16_every_failed_login_costs_one_hash_at_the_current_cost() {
        let rounds = |cost: u32| 1_u64 << cost;
        for current in 4..=31 {
            let current = BcryptCost::new(current).unwrap();
            let one: u64 = rounds(current.get());
            let made_up = |at| costs_to_make_up(at, current).map(rounds).sum::<u64>();
            assert_eq!(made_up(None), one, "an unknown account, or no hash");
            for cost in 4..=current.get() {
                assert_eq!(rounds(cost) + made_up(Some(cost)), one, "stored at {cost}");
            }
            let higher = current.get() + 1;
            assert_eq!(
                made_up(Some(higher)),
                0,
                "a higher one has cost more already"
            );
        }
    }
}
