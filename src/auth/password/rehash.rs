//! Rehashes: an outdated stored hash is replaced in the background after a successful login.

use std::sync::mpsc::Sender;

use crate::auth::hasher::{BcryptJob, JobStep};
use crate::auth::maintenance::background_writes::Message;
use crate::auth::{HashError, HashJob};
use crate::bcrypt_lanes::Digest;
use crate::db::DB;
use crate::domain::{BcryptCost, HashedPassword, Password, User};

/// The job that rehashes a password. The thread for background writes stores the new hash: a
/// hashing thread has a low priority, and must not hold a database lock for which others wait.
pub(in crate::auth) struct RehashJob {
    user: User,
    hashing: HashJob,
    written_by: Sender<Message>,
}

/// A new hash that replaces an outdated one.
#[derive(Debug)]
pub(in crate::auth) struct Rehashed {
    user: User,
    outcome: Result<HashedPassword, HashError>,
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

impl Rehashed {
    /// Stores the new hash, unless the password was changed meanwhile. Blocks for a write.
    pub(in crate::auth) fn write(self, db: &DB) {
        let (user, outdated) = (self.user.id, &self.user.hashed_password);
        let new = match self.outcome {
            Ok(new) => new,
            Err(error) => {
                log::warn!("the stored password of user {user} was not rehashed: {error}");
                return;
            }
        };
        match db.replace_outdated_hash(user, outdated, &new) {
            Ok(true) => log::info!("rehashed the stored password of user {user}"),
            Ok(false) => {}
            Err(error) => {
                log::warn!("the stored password of user {user} was not rehashed: {error}");
            }
        }
    }
}
