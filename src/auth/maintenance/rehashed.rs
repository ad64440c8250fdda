//! Stores new hashes that replace outdated ones.

use crate::auth::HashError;
use crate::db::DB;
use crate::domain::{HashedPassword, User};

/// A new hash that replaces an outdated one.
#[derive(Debug)]
pub(in crate::auth) struct Rehashed {
    pub(super) user: User,
    pub(super) outcome: Result<HashedPassword, HashError>,
}

impl Rehashed {
    /// Stores the new hash, unless the password was changed meanwhile. Blocks for a write.
    pub(super) fn write(self, db: &DB) {
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
