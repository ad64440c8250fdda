//! The database: the only place with Diesel in it.
//!
//! [`DB`] has the document's `add_user`, `find_user_by`, `update_user` and what its `Auth`
//! needs beside them, over r2d2 pools. All methods block. Where one fails,
//! [`DbError`] tells "no such row" from "wrong question" from "the database failed".

mod accounts;
mod cleanup;
mod connection;
mod error;
mod health;
mod migrations;
mod open_error;
mod postgres;
mod schema;
mod settings;
mod sqlite;
mod stats;
mod tables;

use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::event::HandleEvent;
use r2d2::{NopEventHandler, Pool};

use connection::AnyConnection;
use connection::disk_health::Storage;
use connection::manager::{Manager, Role, Target};
use connection::transactions::{self, Begin, POOL_WAIT, Patience, in_pooled_transaction};
use health::file::FileHealth;
use sqlite::{GROUP_MAX, GroupCommit, Sharing};
use stats::PoolEvents;

pub use accounts::changes::{Asking, Reauthenticated, Replaced};
pub use accounts::login_state::LoginState;
pub use accounts::registration::{NewAccount, Registered};
pub use accounts::second_factor::{
    FactorProof, FactorVerdict, LoginGate, SecondFactorChange, SecondFactorLogin,
    SecondFactorLoginOutcome, SecondFactors, TotpConfirmation,
};
pub use error::{DbError, InvalidRequest, Unavailable};
pub use health::file::{DatabaseStats, IntegrityStats};
pub use health::integrity::{IntegrityReport, check_integrity};
pub use open_error::{OpenError, Opened};
pub use settings::{DbSettings, OpenMode, SessionRules};
pub use sqlite::{Duplicate, IntegrityWalk, ServerLock, Step, WalStats, users_in_file};
pub use stats::{Outbox, PoolStats};
pub use tables::account_dates::ListedUser;
pub use tables::email_tokens::{EmailChange, FoundEmailToken, NewEmailToken};
pub use tables::known_clients::LoginSideEffects;
pub use tables::outbox::priority::MailPriority;
pub use tables::outbox::{BudgetedMail, ClaimedMail, MailRequestOutcome, NewMail, WaitingMail};
pub use tables::password_resets::NewPassword;
pub use tables::pending_logins::{LOGIN_LIFETIME, NewPendingLogin};
pub use tables::previous_emails::FoundFormerEmail;
pub use tables::sessions::{ActiveSession, NewSession};
pub use tables::throttle::{LimitCheck, LimitHit, LimitRow, RateLimited};
pub use tables::totp::TotpRow;
pub use tables::users::changes::UserChanges;
pub use tables::users::filter::UserFilter;

pub use crate::domain::Pooler;

use crate::domain::{Clock, DatabaseUrl, UserId};

/// How far in the future something may have been made before its clock is not believed.
const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// How long a connection to a server is used before it is opened anew.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The users and their sessions.
///
/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct DB {
    readers: Pool<Manager>,
    writer: Pool<Manager>,
    /// SQLite's writers; a server commits in groups by itself.
    group_commit: Option<Arc<GroupCommit>>,
    sharing: Sharing,
    reader_events: PoolEvents,
    writer_events: PoolEvents,
    reads_are_local: bool,
    storage: Storage,
    file: FileHealth,
    patience: Patience,
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
            DatabaseUrl::Postgres(url) => postgres::prepare(url, &settings)?,
        };
        let (reader_events, writer_events) = (PoolEvents::default(), PoolEvents::default());
        let (readers, writer) = pools(&target, &settings, [&reader_events, &writer_events])?;
        let storage = Storage::new(match &target {
            Target::Sqlite(location) => Some(location.wal()),
            Target::Postgres(_) => None,
        });
        let reads_are_local = matches!(target, Target::Sqlite(_));
        let group_commit = reads_are_local.then(|| {
            let group = GroupCommit::new(writer.clone(), storage.clone(), writer_events.clone());
            Arc::new(group)
        });
        let db = Self {
            readers,
            writer,
            group_commit,
            sharing: Sharing::Shared,
            reader_events,
            writer_events,
            reads_are_local,
            storage,
            file: FileHealth::new(&target),
            patience: Patience::default(),
            settings: Arc::new(settings),
        };
        Ok((db, opened))
    }

    /// Whether a read waits for no network and no other thread, so that an event loop may do
    /// it by itself: a look-up in a SQLite file takes less time than to hand it over.
    #[must_use]
    pub fn reads_are_local(&self) -> bool {
        self.reads_are_local
    }

    /// How much may be under way at once, local reads aside; more only wait for each other.
    #[must_use]
    pub fn turns(&self) -> u32 {
        match &self.group_commit {
            Some(_) => GROUP_MAX,
            None => self.writer.max_size(),
        }
    }

    /// The same database for long writes in the background, which share no commit with
    /// requests: those would have to wait for them.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self {
            sharing: Sharing::Alone,
            ..self.clone()
        }
    }

    /// The same database for somebody who waits until then at the most: what has not begun
    /// to write by that time is not done. Other work has two seconds.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            patience: Patience(Some(deadline)),
            ..self.clone()
        }
    }

    /// Comes when a commit failed on SQLite's disk, with the cause. What the system holds of
    /// the file may differ from what is on the disk then: all further writes are refused,
    /// and the process has to end and start again, which reads what is really there.
    pub fn must_restart(&self) -> impl Future<Output = String> + Send + use<> {
        self.storage.lost()
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

    /// Empties the write-ahead log beside a SQLite file before the process ends. Blocks for a
    /// write.
    ///
    /// # Errors
    /// If the database is in use; nothing is lost then.
    pub fn tidy(&self) -> Result<(), DbError> {
        if !self.reads_are_local {
            return Ok(());
        }
        self.storage.during(false, || {
            let mut conn = self.writer.get()?;
            match &mut **conn {
                AnyConnection::Sqlite(sqlite) => Ok(sqlite::tidy(sqlite)?),
                AnyConnection::Postgres(_) => Ok(()),
            }
        })
    }

    fn read<T, E>(&self, work: impl Fn(&mut AnyConnection) -> Result<T, E>) -> Result<T, DbError>
    where
        DbError: From<E>,
    {
        transactions::run(&self.readers, self.patience, |conn| Ok(work(conn)?))
            .inspect_err(|error| self.file.learn(error))
    }

    /// Writes in one transaction, which has locked the user's row before the first statement of
    /// `work` sees any. On PostgreSQL that takes no round trip of its own.
    fn write_locking<T>(
        &self,
        user_id: UserId,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.storage
            .during(true, || self.transaction(Some(user_id), work))
            .inspect_err(|error| self.file.learn(error))
    }

    fn write<T>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.storage
            .during(true, || self.transaction(None, work))
            .inspect_err(|error| self.file.learn(error))
    }

    /// Does all of `work` or nothing. `lock` is the user whose row is locked first; SQLite's
    /// writers lock the whole file.
    fn transaction<T>(
        &self,
        lock: Option<UserId>,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let begin = Begin {
            pooler: self.settings.pooler,
            lock,
        };
        match &self.group_commit {
            Some(group_commit) => group_commit.write(self.patience, self.sharing, work),
            None => transactions::run(&self.writer, self.patience, |conn| {
                in_pooled_transaction(conn, begin, &work)
            }),
        }
    }
}

/// SQLite: readers beside each other, and one writer, so that writes wait in line instead of
/// backing off from each other. PostgreSQL: one pool, which opens its connections by itself,
/// so that nobody waits for a server that is away.
fn pools(
    target: &Target,
    settings: &DbSettings,
    [reader_events, writer_events]: [&PoolEvents; 2],
) -> Result<(Pool<Manager>, Pool<Manager>), OpenError> {
    match target {
        Target::Sqlite(_) => {
            let pool = |role, size, events: Box<dyn HandleEvent>| {
                let builder = Pool::builder().connection_timeout(POOL_WAIT).max_size(size);
                let builder = builder.event_handler(events);
                let builder = builder.idle_timeout(None).max_lifetime(None);
                builder.build(Manager::new(target.clone(), role))
            };
            // Writers wait in the queue of `GroupCommit`, which counts them.
            let writer = pool(Role::Writer, 1, Box::new(NopEventHandler))?;
            let events = Box::new(reader_events.clone());
            let readers = pool(Role::Reader, settings.readers.max(1), events)?;
            Ok((readers, writer))
        }
        Target::Postgres(_) => {
            let pool = Pool::builder()
                .connection_timeout(POOL_WAIT)
                .max_size(settings.connections.max(1))
                .min_idle(Some(1))
                .max_lifetime(Some(MAX_LIFETIME))
                .event_handler(Box::new(writer_events.clone()))
                .build_unchecked(Manager::new(target.clone(), Role::Writer));
            Ok((pool.clone(), pool))
        }
    }
}

impl std::fmt::Debug for DB {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DB").finish_non_exhaustive()
    }
}
