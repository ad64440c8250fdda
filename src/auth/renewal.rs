use std::sync::mpsc::Sender;

use super::hasher::{Step, Work};
use super::housekeeping::Message;
use super::{HashError, Hashing};
use crate::bcrypt_lanes::Digest;
use crate::db::DB;
use crate::domain::{BcryptCost, HashedPassword, Password, User};

/// The work of hashing a password anew whose stored hash is outdated. Housekeeping writes
/// what comes of it: a hashing thread runs at a lower priority, and must hold up nobody who
/// waits for the database.
pub(super) struct Renewal {
    user: User,
    hashing: Hashing,
    written_by: Sender<Message>,
}

/// A hash that is to be stored in the place of an outdated one.
#[derive(Debug)]
pub(super) struct Renewed {
    user: User,
    outcome: Result<HashedPassword, HashError>,
}

impl Renewal {
    pub(super) fn new(
        user: User,
        password: Password,
        cost: BcryptCost,
        written_by: Sender<Message>,
    ) -> Result<Self, HashError> {
        let hashing = Hashing::new(password, cost)?;
        Ok(Self {
            user,
            hashing,
            written_by,
        })
    }
}

impl Work for Renewal {
    type Done = ();

    fn rounds(&self) -> u64 {
        self.hashing.rounds()
    }

    fn begin(self) -> Step<Self> {
        let Self {
            user,
            hashing,
            written_by,
        } = self;
        renewed_or_on(hashing.begin(), user, written_by)
    }

    fn proceed(self, digest: &Digest) -> Step<Self> {
        let Self {
            user,
            hashing,
            written_by,
        } = self;
        renewed_or_on(hashing.proceed(digest), user, written_by)
    }
}

fn renewed_or_on(step: Step<Hashing>, user: User, written_by: Sender<Message>) -> Step<Renewal> {
    match step {
        Step::Compute(input, hashing) => Step::Compute(
            input,
            Renewal {
                user,
                hashing,
                written_by,
            },
        ),
        Step::Done(outcome) => {
            // At the end of the service nobody writes it any more; the next login renews it.
            drop(written_by.send(Message::Store(Renewed { user, outcome })));
            Step::Done(())
        }
    }
}

impl Renewed {
    /// Stores it, unless the password was changed meanwhile. Blocks for a write.
    pub(super) fn write(self, db: &DB) {
        let (user, outdated) = (self.user.id, &self.user.hashed_password);
        let new = match self.outcome {
            Ok(new) => new,
            Err(error) => {
                log::warn!("the stored password of user {user} is not renewed: {error}");
                return;
            }
        };
        match db.renew_hashed_password(user, outdated, &new) {
            Ok(true) => log::info!("renewed the stored password of user {user}"),
            Ok(false) => {}
            Err(error) => log::warn!("the stored password of user {user} is not renewed: {error}"),
        }
    }
}
