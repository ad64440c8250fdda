//! The use cases, without HTTP and without SQL.
//!
//! A use case that hashes a password is one `async fn`, which awaits the hash without blocking a
//! thread. An [`Executor`] runs its blocking steps. The methods of the reference service
//! ([`Auth::register_user`], [`Auth::valid_login`], [`Auth::update_password`]) run the same
//! functions to the end on the calling thread, without an async runtime.

mod access;
mod access_decision;
mod account;
mod act_refusal;
mod administration;
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
mod passkey_refusal;
mod password;
mod password_check;
mod password_error;
mod password_reset;
mod reauthentication;
mod registration;
mod rules;
mod second_factor;
mod sessions;
mod settings;
mod stats;
mod throttle;

use std::sync::Arc;
use std::time::Instant;

use crate::db::DB;
use crate::domain::{DeviceId, SessionId, User};
use crate::mail::{Mailer, RecentMails, Templates};
use crate::secret_key::KeyFile;
use audit::AuditTrail;
use hasher::{Hasher, HasherSettings};
use maintenance::background_writes::BackgroundWrites;
use maintenance::cleanup::CleanupSettings;
use maintenance::db_monitor::DatabaseMonitor;
use outbox::worker::MailWorker;
use password::foreign::ForeignChecks;

pub use access::{AccessRequest, HAND_OVER_LIFETIME, VerifiedAccess, login_next};
pub use access_decision::{Denial, Grant, decide};
pub use account::change_password::PasswordChanged;
pub use account::export::Export;
pub use account::summary::AccountSummary;
pub use act_refusal::ActRefusal;
pub use administration::{
    ActOutcome, AdminAct, AdminProof, AdminRequest, Administrator, Invited, NewInvitation,
    UserDetails, create_invitation,
};
pub use audit::log_csrf_refused;
pub use email_verification::{EmailLinkToken, EmailOutcome, VerifiedEmail};
pub use error::AuthError;
pub use executor::{Executor, Inline};
pub use hasher::{HasherStats, WaitHistogram};
pub use maintenance::db_monitor::MonitorSettings;
pub use passkey_refusal::PasskeyRefusal;
pub use password::jobs::hash_password;
pub use password::policy::ContextWords;
pub use password::wrap::wrap_weak_hashes;
pub use password_error::{HashError, PasswordPolicyError};
pub use password_reset::RESET_TOKEN_LIFETIME;
pub use reauthentication::OwnerRequest;
pub use rules::AccountRules;
pub use second_factor::{
    Enrolment, KeyCheckError, NewPasskeyAnswer, PasskeyAdded, SecondFactorCode,
    SecondFactorDetails, SecondFactorStatus,
};
pub use sessions::{EndedSession, SessionPage};
pub use settings::AuthSettings;
pub use stats::{AuthStats, MailOutcome};
pub use throttle::mail_limit_keys;

pub use crate::domain::{
    AccountSettings, EmailVerification, Notification, Registration, SecondFactorPolicy,
    ThrottleSettings,
};

pub use crate::mail::Mail;
pub use crate::webauthn::{CreationOptions, RelyingParty, RequestOptions};

pub use crate::db::{
    DatabaseStats, IntegrityStats, LOGIN_LIFETIME, LimitRow, ListedUser, OutboxStats, PoolStats,
    RegistrationOutcome, SecondFactors,
};

/// The use cases over a database, with the methods of the reference service's `Auth`.
///
/// It owns the hashing and background threads, which end when its last clone is dropped.
#[derive(Clone)]
pub struct Auth {
    db: DB,
    settings: Arc<AuthSettings>,
    /// Where audit events go.
    audit: AuditTrail,
    hasher: Arc<Hasher>,
    foreign_checks: Arc<ForeignChecks>,
    background_writes: Arc<BackgroundWrites>,
    /// The keys with which second factors are encrypted.
    keys: Arc<KeyFile>,
    /// None if this instance sends no mails. They stay queued for another instance.
    mails: Option<Arc<MailWorker>>,
    /// None unless the mailer is for development.
    recent_mails: Option<RecentMails>,
    /// None on PostgreSQL, and in commands.
    _monitor: Option<Arc<DatabaseMonitor>>,
}

/// The result of a successful login.
#[derive(Debug)]
pub struct LoginSuccess {
    /// The id of the new session, for the client. It cannot be read again.
    pub session_id: SessionId,
    /// The id for the client's device cookie. None with rate limits off.
    pub device: Option<DeviceId>,
    /// The user who logged in.
    pub user: User,
}

impl Auth {
    /// Starts the hashing and background threads.
    ///
    /// # Errors
    /// [`std::io::Error`] if a thread cannot be started.
    pub fn new(db: DB, settings: AuthSettings) -> std::io::Result<Self> {
        let hashing = &settings.passwords;
        let hasher = Hasher::start(HasherSettings {
            threads: hashing.threads(),
            queue: hashing.hash_queue.get(),
            deadline: hashing.hash_deadline,
        })?;
        let audit = AuditTrail::new(db.clock().clone());
        let cleanup = CleanupSettings {
            limit_rows: settings.throttle.throttle_rows.get(),
            audit_retention: settings.audit_retention,
        };
        let background_writes = BackgroundWrites::start(db.clone(), audit.clone(), cleanup)?;
        Ok(Self {
            audit,
            hasher: hasher.into(),
            foreign_checks: ForeignChecks::new(settings.passwords.threads()).into(),
            background_writes: background_writes.into(),
            settings: settings.into(),
            keys: KeyFile::nowhere().into(),
            mails: None,
            recent_mails: None,
            _monitor: None,
            db,
        })
    }

    /// Sets the file with the keys with which second factors are encrypted. Without one, users
    /// cannot set up a second factor.
    #[must_use]
    pub fn with_secret_keys(self, keys: KeyFile) -> Self {
        Self {
            keys: keys.into(),
            ..self
        }
    }

    /// Starts the threads that send queued mails.
    ///
    /// # Errors
    /// [`std::io::Error`] if a thread cannot be started.
    pub fn with_mails(self, mailer: Mailer, templates: Templates) -> std::io::Result<Self> {
        let recent_mails = match &mailer {
            Mailer::Development(_, recent) => Some(recent.clone()),
            Mailer::Folder(_) | Mailer::Smtp(_) | Mailer::Memory(_) | Mailer::Off => None,
        };
        let worker = MailWorker::start(
            self.db.clone(),
            self.audit.clone(),
            mailer,
            templates,
            self.settings.mail_spread,
        )?;
        Ok(Self {
            mails: Some(worker.into()),
            recent_mails,
            ..self
        })
    }

    /// The latest mails, if this instance keeps them for developers.
    #[must_use]
    pub fn recent_mails(&self) -> Option<&RecentMails> {
        self.recent_mails.as_ref()
    }

    /// Wakes the mail worker for a mail that was just queued.
    fn wake_mails(&self) {
        if let Some(mails) = &self.mails {
            mails.wake();
        }
    }

    /// Sets a deadline for the use cases: work that has not begun to write by then fails.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            db: self.db.with_deadline(deadline),
            ..self.clone()
        }
    }

    /// Whether reads (such as [`Auth::session_user`]) wait for no network and no other thread, so
    /// that an event loop may run them itself.
    #[must_use]
    pub fn supports_inline_reads(&self) -> bool {
        self.db.supports_inline_reads()
    }

    /// How many database operations can run at once, apart from local reads.
    #[must_use]
    pub fn max_concurrency(&self) -> u32 {
        self.db.max_concurrency()
    }

    /// Checks that the database answers, can be written, and has the schema of this program.
    /// Blocks for a few round trips.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] with the reason.
    pub fn check(&self) -> Result<(), AuthError> {
        Ok(self.db.check()?)
    }

    /// Writes the buffered last uses of sessions and audit events, and checkpoints the database, before the process
    /// ends. Blocks for a write. Without it, at most a minute of last uses is lost.
    pub fn flush(&self) {
        self.background_writes.flush();
        if let Err(error) = self.db.close_wal() {
            log::warn!("the write-ahead log was not checkpointed: {error}");
        }
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}
