//! The hash jobs of a new password and of a check. Every failed check takes the same work.

use std::ops::RangeInclusive;

use bcrypt_lanes::bcrypt;

use super::format::{HashParams, StoredHash};
use crate::auth::HashError;
use crate::auth::hasher::{HashPermit, Lane};
use crate::domain::{BcryptCost, HashedPassword, Password};

/// Hashes a password with a random salt, as `_hash_password` of the reference service. Blocks for
/// about a quarter of a second at cost 12.
///
/// # Errors
/// [`HashError`] if the operating system returns no random bytes.
pub fn hash_password(password: &Password, cost: BcryptCost) -> Result<HashedPassword, HashError> {
    let params = HashParams::of_new(password, cost)?;
    let [digest] = bcrypt(&[params.input(password)?]);
    params.stored(&digest)
}

/// Whether a password is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::auth) struct VerifyResult {
    pub(in crate::auth) is_right: bool,
    /// Whether it is right and the stored hash is outdated.
    pub(in crate::auth) is_outdated: bool,
}

impl HashPermit {
    /// Hashes a new password.
    pub(in crate::auth) async fn hash(
        &mut self,
        password: Password,
        cost: BcryptCost,
    ) -> Result<HashedPassword, HashError> {
        let job = |lane| hash_in_lane(lane, password, cost);
        self.run(cost.rounds(), job).await
    }

    /// Hashes a new password, and passes it to `then`. Nothing waits for that.
    pub(in crate::auth) fn hash_detached(
        self,
        password: Password,
        cost: BcryptCost,
        then: impl FnOnce(Result<HashedPassword, HashError>) + Send + 'static,
    ) {
        self.run_detached(cost.rounds(), |lane| async move {
            then(hash_in_lane(lane, password, cost).await);
        });
    }

    /// Compares a password with the stored one; none for an unknown account.
    pub(in crate::auth) async fn verify(
        &mut self,
        password: Password,
        stored: Option<&HashedPassword>,
        cost: BcryptCost,
    ) -> Result<VerifyResult, HashError> {
        let stored = stored.and_then(StoredHash::read);
        let rounds = most_rounds(stored.as_ref(), cost);
        let job = |lane| verify_in_lane(lane, password, stored, cost);
        self.run(rounds, job).await
    }
}

async fn hash_in_lane(
    lane: Lane,
    password: Password,
    cost: BcryptCost,
) -> Result<HashedPassword, HashError> {
    let params = HashParams::of_new(&password, cost)?;
    let digest = lane.compute(params.input(&password)?).await;
    params.stored(&digest)
}

/// The largest number of rounds that a check takes.
fn most_rounds(stored: Option<&StoredHash>, cost: BcryptCost) -> u64 {
    1 << stored
        .map_or(0, |stored| stored.params.cost)
        .max(cost.get())
}

/// A failed check always takes as many rounds as one hash at the current cost: for an unknown
/// account, a stored text that is not a hash, and a hash of a lower cost too.
async fn verify_in_lane(
    lane: Lane,
    password: Password,
    stored: Option<StoredHash>,
    cost: BcryptCost,
) -> Result<VerifyResult, HashError> {
    if let Some(stored) = &stored
        && *lane.compute(stored.params.input(&password)?).await == stored.digest
    {
        return Ok(VerifyResult {
            is_right: true,
            is_outdated: stored.is_outdated(&password, cost),
        });
    }
    for cost in costs_to_make_up(stored.map(|stored| stored.params.cost), cost) {
        let spent = HashParams::to_spend(cost).input(&password)?;
        lane.compute(spent).await;
    }
    Ok(VerifyResult {
        is_right: false,
        is_outdated: false,
    })
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
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::auth::hasher::Job;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    /// Checks a password, and returns the rounds of all its hashes and the result.
    fn check(text: &str, stored: Option<&HashedPassword>, cost: BcryptCost) -> (u64, VerifyResult) {
        let (sender, result) = mpsc::channel();
        let (password, stored) = (password(text), stored.and_then(StoredHash::read));
        let job = Job::new(&Arc::default(), |lane| async move {
            let verified = verify_in_lane(lane, password, stored, cost).await;
            sender.send(verified.unwrap()).unwrap();
        });
        let (mut rounds, mut step) = (0, job.advance(None));
        while let Some((input, job)) = step {
            rounds += input.rounds();
            let [digest] = bcrypt(&[*input]);
            step = job.advance(Some(digest));
        }
        (rounds, result.recv().unwrap())
    }

    fn hashed(text: &str, cost: u32) -> HashedPassword {
        hash_password(&password(text), BcryptCost::new(cost).unwrap()).unwrap()
    }

    #[test]
    fn r16_every_failed_login_costs_one_hash_at_the_current_cost() {
        let current = BcryptCost::new(8).unwrap();
        let fail = |stored: Option<&HashedPassword>| {
            let (rounds, verified) = check("wrong", stored, current);
            assert!(!verified.is_right);
            let stored = stored.and_then(StoredHash::read);
            assert_eq!(rounds, most_rounds(stored.as_ref(), current));
            rounds
        };
        assert_eq!(fail(None), 256, "an unknown account");
        let no_hash = HashedPassword::from_stored("no hash".to_owned());
        assert_eq!(fail(Some(&no_hash)), 256, "what is stored is no hash");
        for cost in 4..=8 {
            let stored = hashed("right", cost);
            assert_eq!(fail(Some(&stored)), 256, "stored at {cost}");
        }
        let stored = hashed("right", 9);
        assert_eq!(fail(Some(&stored)), 512, "stored at a higher cost");
    }

    #[test]
    fn a_right_login_costs_one_hash_at_the_stored_cost() {
        let current = BcryptCost::new(8).unwrap();
        for (cost, is_outdated) in [(4, true), (8, false), (9, false)] {
            let (rounds, verified) = check("right", Some(&hashed("right", cost)), current);
            assert_eq!(rounds, 1 << cost);
            assert_eq!(
                (verified.is_right, verified.is_outdated),
                (true, is_outdated)
            );
        }
    }
}
