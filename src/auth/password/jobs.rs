//! The hash jobs of a new password and of a check. Every failed check takes the same work.

use std::ops::RangeInclusive;

use super::format::{HashParams, StoredHash};
use crate::auth::HashError;
use crate::auth::hasher::{BcryptJob, JobStep, compute};
use crate::bcrypt_lanes::Digest;
use crate::domain::{BcryptCost, HashedPassword, Password};

/// Hashes a password with a random salt, as `_hash_password` of the reference service. Blocks for
/// about a quarter of a second at cost 12.
///
/// # Errors
/// [`HashError`] if the operating system returns no random bytes.
pub fn hash_password(password: &Password, cost: BcryptCost) -> Result<HashedPassword, HashError> {
    compute(HashJob::new(password.clone(), cost)?)
}

/// The job that hashes a new password.
#[derive(Debug)]
pub(in crate::auth) struct HashJob {
    password: Password,
    making: HashParams,
}

impl HashJob {
    pub(in crate::auth) fn new(password: Password, cost: BcryptCost) -> Result<Self, HashError> {
        let making = HashParams::of_new(&password, cost)?;
        Ok(Self { password, making })
    }
}

impl BcryptJob for HashJob {
    type Done = Result<HashedPassword, HashError>;

    fn rounds(&self) -> u64 {
        rounds(self.making.cost)
    }

    fn begin(self) -> JobStep<Self> {
        match self.making.input(&self.password) {
            Ok(input) => JobStep::Compute(input, self),
            Err(error) => JobStep::Done(Err(error)),
        }
    }

    fn proceed(self, digest: &Digest) -> JobStep<Self> {
        JobStep::Done(self.making.stored(digest))
    }
}

/// The job that checks a password. A failed check always takes as many rounds as one hash at the
/// current cost: for an unknown account, a stored text that is not a hash, and a hash of a lower
/// cost too.
#[derive(Debug)]
pub(in crate::auth) struct VerifyJob {
    password: Password,
    cost: BcryptCost,
    /// The stored hash, until it was compared.
    stored: Option<StoredHash>,
    /// The costs of the hashes that a failed check still has to compute.
    to_make_up: RangeInclusive<u32>,
}

/// The outcome of a [`VerifyJob`].
#[derive(Debug)]
pub(in crate::auth) struct VerifyResult {
    pub(in crate::auth) password: Password,
    /// Whether the password is right.
    pub(in crate::auth) right: bool,
    /// Whether it is right and the stored hash is outdated.
    pub(in crate::auth) outdated: bool,
}

impl VerifyJob {
    pub(in crate::auth) fn new(
        password: Password,
        stored: Option<&HashedPassword>,
        cost: BcryptCost,
    ) -> Self {
        let stored = stored.and_then(StoredHash::read);
        let verified_at = stored.as_ref().map(|stored| stored.making.cost);
        Self {
            password,
            cost,
            stored,
            to_make_up: costs_to_make_up(verified_at, cost),
        }
    }

    /// The next hash that a failed check computes only to spend time.
    fn make_up(mut self) -> JobStep<Self> {
        match self.to_make_up.next() {
            Some(cost) => self.compute(&HashParams::to_spend(cost)),
            None => self.done(false, false),
        }
    }

    fn compute(self, making: &HashParams) -> JobStep<Self> {
        match making.input(&self.password) {
            Ok(input) => JobStep::Compute(input, self),
            Err(error) => {
                log::error!("a password cannot be verified: {error}");
                self.done(false, false)
            }
        }
    }

    fn done(self, right: bool, outdated: bool) -> JobStep<Self> {
        JobStep::Done(VerifyResult {
            password: self.password,
            right,
            outdated,
        })
    }
}

impl BcryptJob for VerifyJob {
    type Done = VerifyResult;

    fn rounds(&self) -> u64 {
        let stored = self.stored.as_ref().map(|stored| stored.making.cost);
        rounds(self.cost.get().max(stored.unwrap_or(0)))
    }

    fn begin(self) -> JobStep<Self> {
        match self.stored.as_ref().map(|stored| stored.making.clone()) {
            Some(making) => self.compute(&making),
            None => self.make_up(),
        }
    }

    fn proceed(mut self, digest: &Digest) -> JobStep<Self> {
        match self.stored.take() {
            Some(stored) if stored.digest == *digest => {
                let outdated = stored.is_outdated(&self.password, self.cost);
                self.done(true, outdated)
            }
            Some(_) | None => self.make_up(),
        }
    }
}

fn rounds(cost: u32) -> u64 {
    1 << cost
}

/// The costs of the hashes that a failed check computes in addition, so that it takes as much as
/// one hash at the current cost C: C itself if there was nothing to verify, and c .. C-1 after a
/// hash of a lower cost c, because 2^c + 2^c + 2^(c+1) + .. + 2^(C-1) is 2^C.
fn costs_to_make_up(verified_at: Option<u32>, current: BcryptCost) -> RangeInclusive<u32> {
    let current = current.get();
    match verified_at {
        None => current..=current,
        Some(cost) => cost..=current - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::hash_password;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    /// Runs a job, and returns the rounds of all its hashes and its result.
    fn count<W: BcryptJob>(work: W) -> (u64, W::Done) {
        let (mut rounds, mut step) = (0, work.begin());
        loop {
            match step {
                JobStep::Done(done) => return (rounds, done),
                JobStep::Compute(input, work) => {
                    rounds += input.rounds();
                    let [digest] = crate::bcrypt_lanes::bcrypt(&[input]);
                    step = work.proceed(&digest);
                }
            }
        }
    }

    #[test]
    fn r16_every_failed_login_costs_one_hash_at_the_current_cost() {
        let current = BcryptCost::new(8).unwrap();
        let fail = |stored: Option<&HashedPassword>| {
            let work = VerifyJob::new(password("wrong"), stored, current);
            let announced = work.rounds();
            let (rounds, verified) = count(work);
            assert!(!verified.right);
            assert_eq!(rounds, announced);
            rounds
        };
        assert_eq!(fail(None), 256, "an unknown account");
        let no_hash = HashedPassword::from_stored("no hash".to_owned());
        assert_eq!(fail(Some(&no_hash)), 256, "what is stored is no hash");
        for cost in 4..=8 {
            let stored = hash_password(&password("right"), BcryptCost::new(cost).unwrap());
            assert_eq!(fail(Some(&stored.unwrap())), 256, "stored at {cost}");
        }
        let stored = hash_password(&password("right"), BcryptCost::new(9).unwrap());
        assert_eq!(fail(Some(&stored.unwrap())), 512, "stored at a higher cost");
    }

    #[test]
    fn a_right_login_costs_one_hash_at_the_stored_cost() {
        let current = BcryptCost::new(8).unwrap();
        for (cost, outdated) in [(4, true), (8, false), (9, false)] {
            let stored = hash_password(&password("right"), BcryptCost::new(cost).unwrap()).unwrap();
            let work = VerifyJob::new(password("right"), Some(&stored), current);
            let (rounds, verified) = count(work);
            assert_eq!(rounds, 1 << cost);
            assert_eq!((verified.right, verified.outdated), (true, outdated));
        }
    }
}
