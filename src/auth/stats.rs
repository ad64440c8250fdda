//! Plain numbers about the use cases, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Auth, AuthError, HasherStats};
use crate::db::{DatabaseStats, OutboxStats, PoolStats};
use crate::domain::{PasskeyId, SessionDigest, UserId};

/// The load of the service.
#[derive(Debug, Clone)]
pub struct AuthStats {
    /// The hashing threads and their queue.
    pub hashing: HasherStats,
    /// The database's connections.
    pub pools: Vec<PoolStats>,
    /// The database's file; none on PostgreSQL.
    pub database: Option<DatabaseStats>,
    /// The outcomes of the mails that this instance has claimed.
    pub mails: Vec<(MailOutcome, u64)>,
}

/// The outcome of an attempt to send a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// The server accepted it, or it was written to the directory.
    Sent,
    /// The server refused it permanently.
    Refused,
    /// It will be retried.
    Postponed,
    /// It was given up after three days.
    GivenUp,
}

/// The number of mails with each outcome.
#[derive(Debug, Default)]
pub(super) struct MailCounts {
    sent: AtomicU64,
    refused: AtomicU64,
    postponed: AtomicU64,
    given_up: AtomicU64,
}

impl MailOutcome {
    const ALL: [Self; 4] = [Self::Sent, Self::Refused, Self::Postponed, Self::GivenUp];

    /// The name, as a label of a metric.
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
        let count = |outcome| (outcome, self.of(outcome).load(Ordering::Relaxed));
        MailOutcome::ALL.map(count).into()
    }
}

impl Auth {
    /// The current numbers. Sends no query to the database.
    #[must_use]
    pub fn stats(&self) -> AuthStats {
        AuthStats {
            hashing: self.hasher.queue.stats(),
            pools: self.db.pools(),
            database: self.db.stats(),
            mails: self
                .mails
                .as_ref()
                .map(|worker| worker.counts().stats())
                .unwrap_or_default(),
        }
    }

    /// The number of queued mails of all instances, and the age of the oldest. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn outbox(&self) -> Result<OutboxStats, AuthError> {
        Ok(self.db.outbox()?)
    }

    /// Counts the valid sessions among the next `step` after `after`, in the order of digests.
    /// Also returns the last of those `step`; none if no more follow. Blocks for two lookups.
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
    /// Counts the confirmed authenticator apps among the next `step` after `after`, in the order of
    /// their users. Also returns the last of those `step`; none if no more follow. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_totp(
        &self,
        after: Option<UserId>,
        step: u32,
    ) -> Result<(u64, Option<UserId>), AuthError> {
        Ok(self.db.count_totp(after, step)?)
    }

    /// Counts the passkeys among the next `step` after `after`, in the order in which they were
    /// added. Also returns the last of those `step`; none if no more follow. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_passkeys(
        &self,
        after: Option<PasskeyId>,
        step: u32,
    ) -> Result<(u64, Option<PasskeyId>), AuthError> {
        Ok(self.db.count_passkeys(after, step)?)
    }
}
