//! The use cases: what the service does, without HTTP and without SQL.
//!
//! A use case that hashes a password is one `async fn`, which waits for the hash without a thread.
//! Its blocking steps run where an [`Executor`] puts them. The methods of the reference service
//! ([`Auth::register_user`], [`Auth::valid_login`], [`Auth::update_password`]) are the same
//! functions, run to their end on the calling thread; they need no runtime.

mod access;
mod account;
mod admission;
mod audit;
mod email_verification;
mod error;
mod executor;
#[doc(hidden)]
pub mod fuzzing;
mod hasher;
mod login;
mod maintenance;
mod outbox;
mod password;
mod password_reset;
mod reauthentication;
mod registration;
mod second_factor;
mod sessions;
mod settings;
mod stats;
mod throttle;

use std::sync::Arc;
use std::time::Instant;

use crate::db::DB;
use crate::mail::{Mailer, Templates};
use crate::secret_key::KeyFile;
use hasher::{HashPermit, Hasher, HasherSettings, Requester};
use maintenance::background_writes::Housekeeping;
use maintenance::db_monitor::DatabaseMonitor;
use outbox::worker::MailWorker;
use password::jobs::{HashJob, VerifyJob, VerifyResult};
use throttle::Reservation;

pub use access::{
    AccessRequest, Denial, Grant, HAND_OVER_LIFETIME, VerifiedAccess, decide, login_next,
};
pub use account::change_password::PasswordChanged;
pub use account::export::Export;
pub use audit::log_forged;
pub use email_verification::{MailedToken, VerifiedEmail};
pub use error::AuthError;
pub use executor::{Access, Executor, Inline};
pub use hasher::{HasherStats, Waits};
pub use login::LoginSuccess;
pub use maintenance::db_monitor::MonitorSettings;
pub use outbox::notifications::NotificationSettings;
pub use password::format::{HashError, hash_password};
pub use password::policy::ContextWords;
pub use password_reset::RESET_TOKEN_LIFETIME;
pub use reauthentication::OwnerRequest;
pub use second_factor::{Enrolment, KeyCheckError, SecondFactorCode, SecondFactorStatus};
pub use sessions::{Named, SessionPage};
pub use settings::{AuthSettings, PasswordRefused};
pub use stats::{Figures, MailOutcome};
pub use throttle::{ThrottleSettings, mail_limit_keys};

pub use crate::domain::{EmailVerification, Notification, Registration, SecondFactorPolicy};

pub use crate::db::{
    DatabaseStats, IntegrityStats, LOGIN_LIFETIME, LimitRow, Outbox, PoolStats, Registered,
    SecondFactors,
};

/// The document's `Auth`: users register, log in, are known by a session id, log out.
///
/// Holds the threads that hash passwords; they end when it is dropped.
pub struct Auth {
    db: DB,
    settings: Arc<AuthSettings>,
    hasher: Arc<Hasher>,
    housekeeping: Arc<Housekeeping>,
    /// The keys that second factors are encrypted under.
    keys: Arc<KeyFile>,
    /// None where no mails are sent: they wait for an instance that does.
    mails: Option<Arc<MailWorker>>,
    /// None on PostgreSQL, and where a command runs beside the service.
    monitor: Option<Arc<DatabaseMonitor>>,
}

impl Auth {
    /// Starts the hashing threads over a database.
    ///
    /// # Errors
    /// [`std::io::Error`] if the system gives no threads.
    pub fn new(db: DB, settings: AuthSettings) -> std::io::Result<Self> {
        let hasher = Hasher::start(HasherSettings {
            threads: settings.hash_threads,
            queue: settings.hash_queue,
            deadline: settings.hash_deadline,
        })?;
        Ok(Self {
            hasher: hasher.into(),
            housekeeping: Housekeeping::start(db.clone(), &settings.throttle)?.into(),
            settings: settings.into(),
            keys: KeyFile::nowhere().into(),
            mails: None,
            monitor: None,
            db,
        })
    }

    /// Takes the file with the keys that second factors are encrypted under. Without one, nobody
    /// can set up a second factor.
    #[must_use]
    pub fn with_secret_keys(self, keys: KeyFile) -> Self {
        Self {
            keys: keys.into(),
            ..self
        }
    }

    /// Has the mails that are queued sent, by threads that end with this.
    ///
    /// # Errors
    /// [`std::io::Error`] if the system gives no thread.
    pub fn with_mails(self, mailer: Mailer, templates: Templates) -> std::io::Result<Self> {
        let worker = MailWorker::start(
            self.db.clone(),
            mailer,
            templates,
            self.settings.mail_spread,
        )?;
        Ok(Self {
            mails: Some(worker.into()),
            ..self
        })
    }

    /// Lets a mail that was queued go at once.
    fn wake_mails(&self) {
        if let Some(mails) = &self.mails {
            mails.wake();
        }
    }

    /// The same use cases for somebody who waits until then at the most: what has not begun
    /// to write by that time is not done.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            db: self.db.until(deadline),
            settings: Arc::clone(&self.settings),
            hasher: Arc::clone(&self.hasher),
            housekeeping: Arc::clone(&self.housekeeping),
            keys: Arc::clone(&self.keys),
            mails: self.mails.clone(),
            monitor: self.monitor.clone(),
        }
    }

    /// A place for a hash of the service's own.
    fn place(&self) -> Result<HashPermit, AuthError> {
        self.hasher.place(self.rounds(), Requester::Anybody)
    }

    /// How much work a hash at the current cost is.
    fn rounds(&self) -> u64 {
        1 << self.settings.bcrypt_cost.get()
    }

    /// Whether what reads only (such as [`Auth::session_user`]) waits for no
    /// network and no other thread, so that an event loop may call it by itself.
    #[must_use]
    pub fn reads_are_local(&self) -> bool {
        self.db.reads_are_local()
    }

    /// How much may be under way at once, local reads aside; more only wait for each other.
    #[must_use]
    pub fn turns(&self) -> u32 {
        self.db.turns()
    }

    /// Whether the database answers, can be written, and has the schema of this program.
    /// Blocks for a round trip or a few.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] with the reason.
    pub fn check(&self) -> Result<(), AuthError> {
        Ok(self.db.check()?)
    }

    /// Writes down what waits to be written and tidies the database, before the process
    /// ends. Blocks for a write; whoever dies without it loses a minute of last uses.
    pub fn flush(&self) {
        self.housekeeping.write_notes();
        if let Err(error) = self.db.tidy() {
            log::warn!("the database is not tidied: {error}");
        }
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}
