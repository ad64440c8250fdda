//! Settings of the database layer.

use std::time::Duration;

use crate::domain::{Clock, DatabaseSettings, Mode, SessionSettings};

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
    pub sessions: SessionSettings,
    /// The mode, by which some settings have their default.
    pub mode: Mode,
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
            sessions: SessionSettings::default(),
            mode: Mode::default(),
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
