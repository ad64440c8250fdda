//! The job that hashes a password again whose stored hash is outdated.

use std::sync::mpsc::Sender;

use super::background_writes::Message;
use super::rehashed::Rehashed;
use crate::auth::hasher::{BcryptJob, JobStep};
use crate::auth::{HashError, HashJob};
use crate::bcrypt_lanes::Digest;
use crate::domain::{BcryptCost, Password, User};

/// The job that rehashes a password. The thread for background writes stores the new hash: a
/// hashing thread has a low priority, and must not hold a database lock for which others wait.
pub(in crate::auth) struct RehashJob {
    user: User,
    hashing: HashJob,
    written_by: Sender<Message>,
}

impl RehashJob {
    pub(in crate::auth) fn new(
        user: User,
        password: Password,
        cost: BcryptCost,
        written_by: Sender<Message>,
    ) -> Result<Self, HashError> {
        let hashing = HashJob::new(password, cost)?;
        Ok(Self {
            user,
            hashing,
            written_by,
        })
    }
}

impl BcryptJob for RehashJob {
    type Done = ();

    fn rounds(&self) -> u64 {
        self.hashing.rounds()
    }

    fn begin(self) -> JobStep<Self> {
        let Self {
            user,
            hashing,
            written_by,
        } = self;
        renewed_or_on(hashing.begin(), user, written_by)
    }

    fn proceed(self, digest: &Digest) -> JobStep<Self> {
        let Self {
            user,
            hashing,
            written_by,
        } = self;
        renewed_or_on(hashing.proceed(digest), user, written_by)
    }
}

fn renewed_or_on(
    step: JobStep<HashJob>,
    user: User,
    written_by: Sender<Message>,
) -> JobStep<RehashJob> {
    match step {
        JobStep::Compute(input, hashing) => JobStep::Compute(
            input,
            RehashJob {
                user,
                hashing,
                written_by,
            },
        ),
        JobStep::Done(outcome) => {
            // Fails only at shutdown. The next login rehashes the password.
            drop(written_by.send(Message::Store(Rehashed { user, outcome })));
            JobStep::Done(())
        }
    }
}
