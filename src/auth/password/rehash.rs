//! Replaces an outdated stored hash after a right login, in the background.

use std::sync::mpsc::Sender;

use crate::auth::hasher::{BcryptJob, JobStep};
use crate::auth::maintenance::background_writes::Message;
use crate::auth::{HashError, HashJob};
use crate::bcrypt_lanes::Digest;
use crate::db::DB;
use crate::domain::{BcryptCost, HashedPassword, Password, User};

/// Hashes a password again whose stored hash is outdated. A background thread writes
/// what comes of it: a hashing thread runs at a lower priority, and must hold up nobody who
/// waits for the database.
pub(in crate::auth) struct RehashJob {
    user: User,
    hashing: HashJob,
    written_by: Sender<Message>,
}

/// A hash that is to be stored in the place of an outdated one.
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
            // At the end of the service nobody writes it any more; the next login renews it.
            drop(written_by.send(Message::Store(Rehashed { user, outcome })));
            JobStep::Done(())
        }
    }
}

impl Rehashed {
    /// Stores it, unless the password was changed meanwhile. Blocks for a write.
    pub(in crate::auth) fn write(self, db: &DB) {
        let (user, outdated) = (self.user.id, &self.user.hashed_password);
        let new = match self.outcome {
            Ok(new) => new,
            Err(error) => {
                log::warn!("the stored password of user {user} is not renewed: {error}");
                return;
            }
        };
        match db.replace_outdated_hash(user, outdated, &new) {
            Ok(true) => log::info!("renewed the stored password of user {user}"),
            Ok(false) => {}
            Err(error) => log::warn!("the stored password of user {user} is not renewed: {error}"),
        }
    }
}
