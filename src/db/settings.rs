//! Settings of the database layer.

use std::time::Duration;

use crate::domain::{Clock, DatabaseSettings, defaults};

/// How a `DB` is opened and how long its sessions live.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// Reading connections on SQLite. If event loops read by themselves, they need one for each
    /// of their threads, and one more is needed for everything else.
    pub readers: u32,
    /// Connections on PostgreSQL, for reads and writes.
    pub connections: u32,
    /// SQLite's page cache, and the connection pooler in front of PostgreSQL.
    pub database: DatabaseSettings,
    /// How long opening waits for an unreachable server.
    pub server_wait: Duration,
    /// Whether opening may create or change the database.
    pub open: OpenMode,
    /// When sessions end, and how many a user may have.
    pub sessions: SessionPolicy,
    /// The clock.
    pub clock: Clock,
}

impl Default for DbSettings {
    fn default() -> Self {
        Self {
            readers: 4,
            connections: 8,
            database: DatabaseSettings::default(),
            server_wait: Duration::from_secs(60),
            open: OpenMode::Migrate,
            sessions: SessionPolicy::default(),
            clock: Clock::system(),
        }
    }
}

/// Whether opening a database may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Create a missing database, import one of the reference service, and apply missing
    /// migrations.
    Migrate,
    /// Change nothing: refuse a missing database and an older schema.
    Check,
}

/// When sessions end, and how many a user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// After how long without use a session ends.
    pub idle: Duration,
    /// After how long a session ends in any case.
    pub lifetime: Duration,
    /// How many sessions a user may have; a new one ends the oldest beyond that. 0 means 1,000.
    pub per_user: u32,
}

impl SessionPolicy {
    /// How old the stored last use of a session may become before it is written again: 1/48 of
    /// the idle limit, at least a minute, and at most a quarter of the idle limit. A session may
    /// end early by this time, and never ends late.
    #[must_use]
    pub fn touch_after(&self) -> Duration {
        Duration::from_secs(60)
            .max(self.idle / 48)
            .min(self.idle / 4)
    }

    /// How many sessions a user may have: never more than 1,000, so that lists stay short.
    #[must_use]
    pub fn kept_per_user(&self) -> u32 {
        match self.per_user {
            0 => MAX_PER_USER,
            some => some.min(MAX_PER_USER),
        }
    }
}

/// The largest number of sessions of a user, and the one if no number is set.
const MAX_PER_USER: u32 = 1000;

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            idle: defaults::SESSION_IDLE,
            lifetime: defaults::SESSION_LIFETIME,
            per_user: defaults::SESSIONS_PER_USER,
        }
    }
}
