//! The tables `audit_events` and `audit_chain`: audit events, chained by digests.

mod append;
mod retention;
mod verify;

use diesel::prelude::*;

use crate::db::schema::{audit_chain, audit_events};
use crate::db::{DB, DbError};
use crate::domain::{AuditEvent, CHAIN_START, ChainHead, ChainRow, Timestamp, UserId};

pub(in crate::db) use append::erase_and_append;

/// The number of the one row of `audit_chain`.
const ROW: i64 = 1;

/// The ends of the chain, as `audit_chain` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnds {
    /// The position of the last row; 0 without any.
    pub position: i64,
    /// The digest of the last row.
    pub digest: Vec<u8>,
    /// The digest in front of the first row that is kept.
    pub start_digest: Vec<u8>,
}

impl Default for ChainEnds {
    fn default() -> Self {
        Self {
            position: 0,
            digest: CHAIN_START.to_vec(),
            start_digest: CHAIN_START.to_vec(),
        }
    }
}

type Row = (
    i64,
    i64,
    String,
    Option<i64>,
    String,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Vec<u8>,
    Vec<u8>,
);

impl DB {
    /// The events of a user, newest first, `limit` at most. `after` is the position of the last
    /// one of the page before. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_events_of(
        &self,
        user_id: UserId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, DbError> {
        let rows: Vec<Row> = self.read(|conn| {
            audit_events::table
                .filter(audit_events::user_id.eq(user_id.get()))
                .filter(audit_events::position.lt(after.unwrap_or(i64::MAX)))
                .order(audit_events::position.desc())
                .limit(i64::from(limit))
                .load(conn)
        })?;
        Ok(rows.into_iter().map(chain_row).map(shown).collect())
    }

    /// The rows after a position, of all users or of one, in their order, `limit` at most. Blocks
    /// for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_rows_after(
        &self,
        after: i64,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<ChainRow>, DbError> {
        let rows: Vec<Row> = self.read(|conn| {
            let mut rows = audit_events::table
                .filter(audit_events::position.gt(after))
                .order(audit_events::position)
                .limit(i64::from(limit))
                .into_boxed();
            if let Some(user) = user {
                rows = rows.filter(audit_events::user_id.eq(user.get()));
            }
            rows.load(conn)
        })?;
        Ok(rows.into_iter().map(chain_row).collect())
    }

    /// The position before the first row of this time or later, give or take some rows: times are
    /// in the order of positions only roughly. Blocks for some lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_position_before(&self, at: Timestamp) -> Result<i64, DbError> {
        let (mut before, mut from) = (0, self.audit_chain()?.position + 1);
        // The row that `from` is at or before is late enough; the one at `before` is not.
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            match self.audit_rows_after(middle - 1, None, 1)?.first() {
                Some(row) if row.at < at.seconds() => before = row.position.max(middle),
                Some(_) | None => from = middle,
            }
        }
        Ok(before)
    }

    /// The ends of the chain. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_chain(&self) -> Result<ChainEnds, DbError> {
        let ends: Option<(i64, Vec<u8>, Vec<u8>)> = self.read(|conn| {
            audit_chain::table
                .filter(audit_chain::id.eq(ROW))
                .select((
                    audit_chain::position,
                    audit_chain::digest,
                    audit_chain::start_digest,
                ))
                .get_result(conn)
                .optional()
        })?;
        let ends = ends.map(|(position, digest, start_digest)| ChainEnds {
            position,
            digest,
            start_digest,
        });
        Ok(ends.unwrap_or_default())
    }

    /// The last row of the chain, as mails name it. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn audit_head(&self) -> Result<ChainHead, DbError> {
        let ends = self.audit_chain()?;
        Ok(ChainHead::new(ends.position, &ends.digest))
    }
}

fn chain_row(row: Row) -> ChainRow {
    let (position, at, event, user_id, actor, actor_id, details, salt, content_digest, digest) =
        row;
    ChainRow {
        position,
        at,
        event,
        user_id,
        actor,
        actor_id,
        details,
        salt,
        content_digest,
        digest,
    }
}

/// A row for people. Details that a newer version has stored are shown as far as they are known.
#[must_use]
pub fn shown(row: ChainRow) -> AuditEvent {
    let details = row.details.as_deref();
    AuditEvent {
        position: row.position,
        at: Timestamp::from_seconds(row.at),
        event: row.event,
        user_id: row.user_id.map(UserId::new),
        actor: row.actor,
        actor_id: row.actor_id.map(UserId::new),
        details: details.map(|details| serde_json::from_str(details).unwrap_or_default()),
    }
}
