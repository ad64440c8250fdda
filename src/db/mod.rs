//! The database, and the only layer that uses Diesel.
//!
//! [`DB`] has `add_user`, `find_user_by` and `update_user` as the reference service does, and
//! everything else that `Auth` needs, over r2d2 pools. All methods block. [`DbError`]
//! distinguishes a missing row, an invalid request and a failing database.

mod accounts;
mod cleanup;
mod connection;
mod copy;
mod error;
mod health;
mod migrations;
mod open_error;
mod other_system;
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
use scheduled_thread_pool::ScheduledThreadPool;

use connection::AnyConnection;
use connection::disk_health::DiskHealth;
use connection::manager::{Manager, Target};
use connection::postgres::Begin;
use connection::sqlite::Role;
use connection::transactions::{self, Deadline, POOL_WAIT, in_pooled_transaction};
use health::file::FileHealth;
use sqlite::{GROUP_MAX, GroupCommit, Sharing};
use stats::PoolEvents;

pub use accounts::access::SessionAccess;
pub use accounts::administration::{PasskeyActOutcome, PasskeyOfAdministrator};
pub use accounts::changes::{EmailConfirmation, PasswordUpdate, Reauthenticated};
pub use accounts::export_users::UserToExport;
pub use accounts::import::{IMPORT_BATCH, ImportedUserRow};
pub use accounts::login_state::LoginState;
pub use accounts::registration::{NewUserRow, RegistrationOutcome};
pub use accounts::second_factor::{
    CodeLimit, FactorProof, FactorVerdict, LoginGate, NewPasskeyRegistration, PasskeyLogin,
    PasskeyLoginOutcome, PasskeyRegistration, SecondFactorChange, SecondFactorLogin,
    SecondFactorLoginOutcome, SecondFactors, TotpConfirmation,
};
pub use accounts::take_back::{ActiveFactorUndo, TakeBack};
pub use accounts::user_list::ListedUser;
pub use connection::disk_health::RestartCause;
pub use copy::{CopyError, CopySummary, OnlineSummary, copy_database, copy_online, moved_to};
pub use error::{DbError, InvalidRequest, Unavailable};
pub use health::file::{DatabaseStats, IntegrityStats};
pub use health::integrity::{IntegrityReport, check_integrity};
pub use open_error::{DuplicateEmail, OpenError, OpenOutcome};
pub use other_system::{OtherDatabase, OtherSystem, OtherSystemError, OtherUser};
pub use settings::{DbSettings, OpenMode};
pub use sqlite::{
    BackupReport, InstanceLock, IntegrityWalk, Step, WalStats, create_backup, restore_backup,
    users_in_file, verify_backup,
};
pub use stats::{OutboxStats, PoolStats};
pub use tables::app_sessions::HandOver;
pub use tables::apps::{AppAddition, AppGroupsChange};
pub use tables::audit_events::{ChainEnds, shown as shown_audit_event};
pub use tables::email_tokens::{ActiveEmailToken, EmailChange, NewEmailToken};
pub use tables::factor_changes::NewFactorChange;
pub use tables::group_deletion::GroupDeletion;
pub use tables::known_clients::LoginSideEffects;
pub use tables::outbox::priority::MailPriority;
pub use tables::outbox::{
    ClaimedMail, MailRequestOutcome, OutboxEntry, QueuedMail, RateLimitedMail,
};
pub use tables::passkey_challenges::{CHALLENGE_LIFETIME, Challenge};
pub use tables::passkeys::{NewPasskey, PasskeyUse};
pub use tables::password_resets::PasswordResetUpdate;
pub use tables::pending_logins::{LOGIN_LIFETIME, NewPendingLogin};
pub use tables::previous_emails::ActivePreviousEmail;
pub use tables::sessions::{ActiveSession, NewSession, SessionError};
pub use tables::throttle::admin::ListedLimit;
pub use tables::throttle::{LimitHit, LimitRow, RateLimited};
pub use tables::totp::TotpRow;
pub use tables::users::changes::UserChanges;
pub use tables::users::filter::UserFilter;

pub use crate::domain::{LimitCheck, Pooler};

use crate::domain::{Clock, DatabaseUrl, SessionSettings, UserId};

/// How far in the future a creation time may be. Rows from beyond were written by a wrong clock
/// and are not valid.
const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// How long the pool waits after it could not connect to a server, before it tries again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// How long a connection to a server is used before it is replaced.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The database of the service. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct DB {
    readers: Pool<Manager>,
    writer: Pool<Manager>,
    /// The queue of writers on SQLite. PostgreSQL commits in groups by itself.
    group_commit: Option<Arc<GroupCommit>>,
    sharing: Sharing,
    reader_events: PoolEvents,
    writer_events: PoolEvents,
    supports_inline_reads: bool,
    storage: DiskHealth,
    file: FileHealth,
    patience: Deadline,
    settings: Arc<DbSettings>,
}

impl DB {
    /// Opens a database. As far as [`DbSettings::open`] allows, it creates a missing one, imports
    /// one of the reference service, and migrates an old schema. Blocks until the first
    /// connections are open.
    ///
    /// # Errors
    /// [`OpenError`] with the cause and the remedy; the database was not changed.
    pub fn open(url: &DatabaseUrl, settings: DbSettings) -> Result<Self, OpenError> {
        Self::open_with_outcome(url, settings).map(|(db, _)| db)
    }

    /// Opens a database as [`DB::open`] does, and returns what was done to it.
    ///
    /// # Errors
    /// As [`DB::open`].
    pub fn open_with_outcome(
        url: &DatabaseUrl,
        settings: DbSettings,
    ) -> Result<(Self, OpenOutcome), OpenError> {
        let prepare = || match url {
            DatabaseUrl::Sqlite(path) => sqlite::prepare(path, &settings),
            DatabaseUrl::Postgres(url) => postgres::prepare(url, &settings),
        };
        let (target, opened) = match prepare() {
            Err(OpenError::UnfinishedCopy { .. }) if copy::take_charge(url, &settings)? => {
                prepare()?
            }
            prepared => prepared?,
        };
        let (reader_events, writer_events) = (PoolEvents::default(), PoolEvents::default());
        let (readers, writer) = pools(&target, &settings, [&reader_events, &writer_events])?;
        let storage = DiskHealth::new(match &target {
            Target::Sqlite(location) => Some(location.wal()),
            Target::Postgres(_) => None,
        });
        let supports_inline_reads = matches!(target, Target::Sqlite(_));
        let group_commit = supports_inline_reads.then(|| {
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
            supports_inline_reads,
            storage,
            file: FileHealth::new(&target),
            patience: Deadline::default(),
            settings: Arc::new(settings),
        };
        if let Target::Sqlite(location) = &target {
            db.forget_killed_copy(location)?;
        }
        Ok((db, opened))
    }

    /// Whether reads wait for no network and no other thread, so that an event loop may run them
    /// itself. A lookup in a SQLite file takes less time than passing it to another thread.
    #[must_use]
    pub fn supports_inline_reads(&self) -> bool {
        self.supports_inline_reads
    }

    /// How many operations can run at once, apart from local reads. More would only wait.
    #[must_use]
    pub fn max_concurrency(&self) -> u32 {
        match &self.group_commit {
            Some(_) => GROUP_MAX,
            None => self.writer.max_size(),
        }
    }

    /// This database for long writes in the background. They do not share a commit with requests,
    /// which would have to wait for them.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self {
            sharing: Sharing::Alone,
            ..self.clone()
        }
    }

    /// This database with a deadline: work that has not begun to write by then fails.
    /// Without a deadline, work waits 2 seconds.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            patience: Deadline(Some(deadline)),
            ..self.clone()
        }
    }

    /// Resolves with the cause once a commit has failed on disk, so that the page cache may differ
    /// from it, or once the database was moved (SQLite). All further writes are refused, and the
    /// database has to be opened again.
    pub fn restart_needed(&self) -> impl Future<Output = RestartCause> + Send + use<> {
        self.storage.restart()
    }

    /// Makes all further reads fail, after the database was moved: the service on the new database
    /// changes it from now on.
    pub fn refuse_reads(&self) {
        self.storage.refuse_reads();
    }

    /// The clock of this database.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.settings.clock
    }

    /// When sessions end, and how many a user may have.
    #[must_use]
    pub fn session_settings(&self) -> &SessionSettings {
        &self.settings.sessions
    }

    /// Checkpoints and empties the write-ahead log of a SQLite file before the process ends.
    /// Blocks for a write.
    ///
    /// # Errors
    /// [`DbError`] if the database is in use. Nothing is lost.
    pub fn close_wal(&self) -> Result<(), DbError> {
        if !self.supports_inline_reads {
            return Ok(());
        }
        self.storage.during(false, || {
            let mut conn = self.writer.get()?;
            match &mut **conn {
                AnyConnection::Sqlite(sqlite) => Ok(sqlite::close_wal(sqlite)?),
                AnyConnection::Postgres(_) => Ok(()),
            }
        })
    }

    fn read<T, E>(&self, work: impl Fn(&mut AnyConnection) -> Result<T, E>) -> Result<T, DbError>
    where
        DbError: From<E>,
    {
        if self.storage.refuses_reads() {
            return Err(Unavailable::ShuttingDown.into());
        }
        let read = || transactions::run(&self.readers, self.patience, |conn| Ok(work(conn)?));
        transactions::retried(read).inspect_err(|error| self.file.learn(error))
    }

    /// Runs `work` in a transaction.
    fn write<T>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.write_locking(None, work)
    }

    /// Runs `work` in a transaction. `lock` is the user whose row is locked first; on PostgreSQL
    /// the lock takes no round trip of its own, and on SQLite a writer locks the whole file.
    fn write_locking<T>(
        &self,
        lock: impl Into<Option<UserId>>,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let begin = Begin {
            pooler: self.settings.database.database_pooler,
            lock: lock.into(),
        };
        let write = || match &self.group_commit {
            Some(group_commit) => group_commit.write(self.patience, self.sharing, &work),
            None => transactions::run(&self.writer, self.patience, |conn| {
                in_pooled_transaction(conn, begin, &work)
            }),
        };
        let written = self.storage.during(true, || transactions::retried(write));
        written.inspect_err(|error| self.file.learn(error))
    }
}

/// SQLite: several readers and one writer, so that writes queue instead of retrying on a locked
/// file. PostgreSQL: one pool, which opens its connections in the background, so that the start
/// does not wait for an unreachable server.
fn pools(
    target: &Target,
    settings: &DbSettings,
    [reader_events, writer_events]: [&PoolEvents; 2],
) -> Result<(Pool<Manager>, Pool<Manager>), OpenError> {
    match target {
        Target::Sqlite(_) => {
            // Opens the connections of both pools, each in milliseconds.
            let opener = Arc::new(
                ScheduledThreadPool::builder()
                    .num_threads(1)
                    .thread_name_pattern("r2d2-worker-{}")
                    .build(),
            );
            let pool = |role, size, events: Box<dyn HandleEvent>| {
                let builder = Pool::builder().connection_timeout(POOL_WAIT).max_size(size);
                let builder = builder.thread_pool(Arc::clone(&opener));
                let builder = builder.event_handler(events);
                let builder = builder.idle_timeout(None).max_lifetime(None);
                builder.build(Manager::new(target.clone(), role))
            };
            // `GroupCommit` queues and counts the writers.
            let writer = pool(Role::Writer, 1, Box::new(NopEventHandler))?;
            let events = Box::new(reader_events.clone());
            let readers = pool(Role::Reader, settings.readers.max(1), events)?;
            Ok((readers, writer))
        }
        Target::Postgres(_) => {
            let pool = Pool::builder()
                // Also twice the longest pause between two tries to connect. Requests wait for
                // `POOL_WAIT`.
                .connection_timeout(RECONNECT_AFTER * 2)
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
