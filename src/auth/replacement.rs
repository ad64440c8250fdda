use super::hasher::{Step, Work};
use super::{HashError, Hashing, Verification};
use crate::bcrypt_lanes::Digest;
use crate::domain::HashedPassword;

/// The work of checking a password and, if it is right, hashing another one. A wrong one
/// costs as much as a wrong one at a login.
#[derive(Debug)]
pub struct Replacement(Stage);

#[derive(Debug)]
enum Stage {
    Checking(Verification, Hashing),
    Hashing(Hashing),
}

impl Replacement {
    pub(super) fn new(verification: Verification, hashing: Hashing) -> Self {
        Self(Stage::Checking(verification, hashing))
    }

    fn checked(step: Step<Verification>, hashing: Hashing) -> Step<Self> {
        match step {
            Step::Compute(input, verification) => {
                Step::Compute(input, Self(Stage::Checking(verification, hashing)))
            }
            Step::Done(verified) if verified.right => Self::hashed(hashing.begin()),
            Step::Done(_) => Step::Done(None),
        }
    }

    fn hashed(step: Step<Hashing>) -> Step<Self> {
        match step {
            Step::Compute(input, hashing) => Step::Compute(input, Self(Stage::Hashing(hashing))),
            Step::Done(hashed) => Step::Done(Some(hashed)),
        }
    }
}

impl Work for Replacement {
    /// None if the password is wrong.
    type Done = Option<Result<HashedPassword, HashError>>;

    fn rounds(&self) -> u64 {
        match &self.0 {
            Stage::Checking(verification, hashing) => {
                verification.rounds().saturating_add(hashing.rounds())
            }
            Stage::Hashing(hashing) => hashing.rounds(),
        }
    }

    fn begin(self) -> Step<Self> {
        match self.0 {
            Stage::Checking(verification, hashing) => Self::checked(verification.begin(), hashing),
            Stage::Hashing(hashing) => Self::hashed(hashing.begin()),
        }
    }

    fn proceed(self, digest: &Digest) -> Step<Self> {
        match self.0 {
            Stage::Checking(verification, hashing) => {
                Self::checked(verification.proceed(digest), hashing)
            }
            Stage::Hashing(hashing) => Self::hashed(hashing.proceed(digest)),
        }
    }
}
