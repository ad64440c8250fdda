use super::{Auth, AuthError, HashingFigures};
use crate::db::PoolFigures;

/// How busy the service is, in plain figures; whoever shows them decides how.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The hashing threads and their queue.
    pub hashing: HashingFigures,
    /// The database's connections.
    pub pools: Vec<PoolFigures>,
}

impl Auth {
    /// The figures of this moment. Asks nothing of the database.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            hashing: self.hasher.figures(),
            pools: self.db.pools(),
        }
    }

    /// How many sessions have neither ended nor expired. Blocks for a query that reads all of
    /// them: not for every request.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_sessions(&self) -> Result<u64, AuthError> {
        Ok(self.db.count_sessions()?)
    }
}
