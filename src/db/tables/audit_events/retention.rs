//! Removes the oldest rows of the chain.

use diesel::prelude::*;

use super::ROW;
use crate::db::schema::{audit_chain, audit_events};
use crate::db::{DB, DbError};
use crate::domain::Timestamp;

impl DB {
    /// Removes rows from the start of the chain that are older than `oldest`, `limit` at most, and
    /// returns how many. The last row that is older stays: it proves that all rows before it were
    /// older too. Blocks for a read, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_old_audit_events(&self, oldest: Timestamp, limit: u32) -> Result<usize, DbError> {
        let first: Vec<(i64, i64, Vec<u8>)> = self.read(|conn| {
            audit_events::table
                .order(audit_events::position)
                .filter(audit_events::position.gt(0))
                .select((
                    audit_events::position,
                    audit_events::at,
                    audit_events::digest,
                ))
                .limit(i64::from(limit) + 1)
                .load(conn)
        })?;
        let old = first.iter().take_while(|(_, at, _)| *at < oldest.seconds());
        let count = old.count().saturating_sub(1);
        let last = count.checked_sub(1).and_then(|last| first.get(last));
        let Some((last, _, digest)) = last else {
            return Ok(0);
        };
        self.write(|conn| {
            // The lock of the chain: another instance may remove the same rows.
            let chain = audit_chain::table.filter(audit_chain::id.eq(ROW));
            diesel::update(chain)
                .set(audit_chain::id.eq(ROW))
                .execute(conn)?;
            let old = audit_events::table.filter(audit_events::position.le(last));
            let removed = diesel::delete(old).execute(conn)?;
            if removed > 0 {
                diesel::update(chain)
                    .set(audit_chain::start_digest.eq(digest))
                    .execute(conn)?;
            }
            Ok(removed)
        })
    }
}
