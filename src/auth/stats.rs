//! Plain numbers about the use cases, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Auth, AuthError, HasherStats};
use crate::db::{DatabaseStats, OutboxStats, PoolStats};
use crate::domain::SessionDigest;

/// How busy the service is, in plain figures; whoever shows them decides how.
#[derive(Debug, Clone)]
pub struct AuthStats {
    /// The hashing threads and their queue.
    pub hashing: HasherStats,
    /// The database's connections.
    pub pools: Vec<PoolStats>,
    /// The database's file; none on PostgreSQL.
    pub database: Option<DatabaseStats>,
    /// What became of the mails that this instance had in hand.
    pub mails: Vec<(MailOutcome, u64)>,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// A server, or the folder, has it.
    Sent,
    /// A server will never take it.
    Refused,
    /// It is tried again.
    Postponed,
    /// It was tried for three days.
    GivenUp,
}

/// How often that was so.
#[derive(Debug, Default)]
pub(super) struct MailCounts {
    sent: AtomicU64,
    refused: AtomicU64,
    postponed: AtomicU64,
    given_up: AtomicU64,
}

impl MailOutcome {
    const ALL: [Self; 4] = [Self::Sent, Self::Refused, Self::Postponed, Self::GivenUp];

    /// Its name, as a label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Postponed => "postponed",
            Self::GivenUp => "given_up",
        }
    }
}

impl MailCounts {
    pub(super) fn count(&self, outcome: MailOutcome) {
        self.of(outcome).fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, outcome: MailOutcome) -> &AtomicU64 {
        match outcome {
            MailOutcome::Sent => &self.sent,
            MailOutcome::Refused => &self.refused,
            MailOutcome::Postponed => &self.postponed,
            MailOutcome::GivenUp => &self.given_up,
        }
    }

    fn stats(&self) -> Vec<(MailOutcome, u64)> {
        let figure = |outcome| (outcome, self.of(outcome).load(Ordering::Relaxed));
        MailOutcome::ALL.map(figure).into()
    }
}

impl Auth {
    /// The figures of this moment. Asks nothing of the database.
    #[must_use]
    pub fn stats(&self) -> AuthStats {
        AuthStats {
            hashing: self.hasher.stats(),
            pools: self.db.pools(),
            database: self.db.stats(),
            mails: self
                .mails
                .as_ref()
                .map(|worker| worker.counts().stats())
                .unwrap_or_default(),
        }
    }

    /// The mails of all instances that wait, and for how long. Blocks for a look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn outbox(&self) -> Result<OutboxStats, AuthError> {
        Ok(self.db.outbox()?)
    }

    /// How many of the next `step` sessions behind `after` have neither ended nor expired, and
    /// where those end; none if there are no more. Blocks for two look-ups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_sessions(
        &self,
        after: Option<&SessionDigest>,
        step: u32,
    ) -> Result<(u64, Option<SessionDigest>), AuthError> {
        Ok(self.db.count_sessions(after, step)?)
    }
}
