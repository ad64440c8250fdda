//! The database: the only place with Diesel in it.
//!
//! [`DB`] has the document's `add_user`, `find_user_by`, `update_user` and what its `Auth`
//! needs beside them, over r2d2 pools. All methods block. Where one fails,
//! [`DbError`] tells "no such row" from "wrong question" from "the database failed".

mod any_connection;
mod error;
mod manager;
mod migrations;
mod opening;
mod schema;
mod sessions;
mod settings;
mod sqlite;
mod user_changes;
mod user_filter;
mod users;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use r2d2::Pool;

use any_connection::AnyConnection;
use manager::{Manager, Role};

pub use error::{DbError, InvalidRequest, Unavailable};
pub use opening::{OpenError, Opened};
pub use sessions::{FoundSession, NewSession};
pub use settings::{DbSettings, OpenMode, SessionRules};
pub use sqlite::{Duplicate, ServerLock};
pub use user_changes::UserChanges;
pub use user_filter::UserFilter;

use crate::domain::{Clock, DatabaseUrl};

/// How long a request waits for a connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// The users and their sessions.
///
/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct DB {
    readers: Pool<Manager>,
    writer: Pool<Manager>,
    settings: Arc<DbSettings>,
}

impl DB {
    /// Opens a database: creates it where there is none, adopts a file of the document's
    /// service, and brings the schema up to date, as far as [`DbSettings::open`] lets it.
    /// Blocks until the first connections stand.
    ///
    /// # Errors
    /// [`OpenError`] with the cause and the way out; nothing in the database has changed then.
    pub fn open(url: &DatabaseUrl, settings: DbSettings) -> Result<Self, OpenError> {
        Self::open_and_tell(url, settings).map(|(db, _)| db)
    }

    /// The same as [`DB::open`], and says what it had to do.
    ///
    /// # Errors
    /// As [`DB::open`].
    pub fn open_and_tell(
        url: &DatabaseUrl,
        settings: DbSettings,
    ) -> Result<(Self, Opened), OpenError> {
        let (target, opened) = match url {
            DatabaseUrl::Sqlite(path) => sqlite::prepare(path, &settings)?,
        };
        let pool = |role, size| {
            Pool::builder()
                .max_size(size)
                .connection_timeout(POOL_WAIT)
                .test_on_check_out(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .build(Manager::new(target.clone(), role))
        };
        let db = Self {
            writer: pool(Role::Writer, 1)?,
            readers: pool(Role::Reader, settings.readers.max(1))?,
            settings: Arc::new(settings),
        };
        Ok((db, opened))
    }

    /// Whether a read waits for no network and no other thread, so that an event loop may do
    /// it by itself: a look-up in a SQLite file takes less time than to hand it over.
    #[must_use]
    pub fn reads_are_local(&self) -> bool {
        true
    }

    /// How many writes may be under way at once; more only wait for each other.
    #[must_use]
    pub fn writers(&self) -> u32 {
        self.writer.max_size()
    }

    /// The clock this database goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.settings.clock
    }

    /// When sessions end, and how many a user has.
    #[must_use]
    pub fn session_rules(&self) -> &SessionRules {
        &self.settings.sessions
    }

    /// Leaves the database in order before the process ends: statistics for the planner,
    /// and no log beside the file. Blocks for a write.
    ///
    /// # Errors
    /// If the database is in use; nothing is lost then.
    pub fn tidy(&self) -> Result<(), DbError> {
        let mut conn = self.writer.get()?;
        match &mut *conn {
            AnyConnection::Sqlite(sqlite) => Ok(sqlite::tidy(sqlite)?),
        }
    }

    fn read<T, E>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, DbError>
    where
        DbError: From<E>,
    {
        let mut conn = self.readers.get()?;
        Ok(work(&mut conn)?)
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut conn = self.writer.get()?;
        in_transaction(&mut conn, work)
    }
}

impl std::fmt::Debug for DB {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DB").finish_non_exhaustive()
    }
}

/// Does all of `work` or nothing. On SQLite the transaction takes the write lock at its
/// beginning: one that reads first and writes later would fail as soon as another process
/// has written in between, whatever the busy timeout says.
fn in_transaction<T, E: From<diesel::result::Error>>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    type Manager = <AnyConnection as Connection>::TransactionManager;
    match conn {
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        }
    }
    match work(conn) {
        Ok(value) => {
            Manager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // SQLite has rolled back by itself where its disk is full; the first error tells.
            if let Err(rollback) = Manager::rollback_transaction(conn) {
                log::debug!("rolling back: {rollback}");
            }
            Err(error)
        }
    }
}
