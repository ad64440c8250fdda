//! Settings of the database layer.

use std::time::Duration;

use crate::domain::{Clock, Pooler};

/// How a `DB` is opened and how long its sessions live.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// Connections that read beside each other. An event loop that reads by itself needs one
    /// for each of its threads, and one more for the rest.
    pub readers: u32,
    /// Connections to a server, which read and write.
    pub connections: u32,
    /// What stands between this program and the server.
    pub pooler: Pooler,
    /// Memory for SQLite's page cache in bytes, shared by the connections. It fills as pages are
    /// read.
    pub cache: u64,
    /// How long an opening waits for a server that is away.
    pub server_wait: Duration,
    /// What to do where the database is not there, or its schema is an older one.
    pub open: OpenMode,
    /// When sessions end, and how many a user has.
    pub sessions: SessionRules,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for DbSettings {
    fn default() -> Self {
        Self {
            readers: 4,
            connections: 8,
            pooler: Pooler::Off,
            cache: 64 << 20,
            server_wait: Duration::from_secs(60),
            open: OpenMode::Migrate,
            sessions: SessionRules::default(),
            clock: Clock::system(),
        }
    }
}

/// What opening a database may change in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Create the database if it is not there, adopt the document's service's file, apply
    /// the migrations that are missing.
    Migrate,
    /// Change nothing: refuse a database that is not there or has an older schema.
    Check,
}

/// When sessions end, and how many a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session lives without being used.
    pub idle: Duration,
    /// How long a session lives at the most.
    pub lifetime: Duration,
    /// How many sessions a user has; a new one ends the oldest beyond that. 0: 1,000.
    pub per_user: u32,
}

impl SessionRules {
    /// How old a session's last use may get before it is written: 1/48 of the idle limit, but at
    /// least a minute, and at most a quarter of an idle limit of a few minutes. A session may
    /// end that much early, and never ends late.
    #[must_use]
    pub fn touch_after(&self) -> Duration {
        Duration::from_secs(60)
            .max(self.idle / 48)
            .min(self.idle / 4)
    }

    /// How many sessions a user keeps: never more than 1,000, so that lists stay short.
    #[must_use]
    pub fn kept_per_user(&self) -> u32 {
        match self.per_user {
            0 => MAX_PER_USER,
            some => some.min(MAX_PER_USER),
        }
    }
}

/// The number of sessions that a user keeps where no number is set.
const MAX_PER_USER: u32 = 1000;

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(24 * 3600),
            lifetime: Duration::from_secs(7 * 24 * 3600),
            per_user: 1,
        }
    }
}
