//! Why a use case fails, described once for log, limits and callers.

use std::time::Duration;

use log::Level;

use super::{Denial, HashError, PasswordRefused};
use crate::db::{DbError, RateLimited};
use crate::domain::{Email, Limit, LoginToken};
use crate::secret_key::KeyFileError;

/// Why a use case did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no such user, or no such session.
    #[error("no result found")]
    NoResultFound,
    /// Somebody has that email, in this or another spelling.
    #[error("User {0} already exists")]
    AlreadyExists(Email),
    /// No session, or none that is valid.
    #[error("not logged in")]
    NotLoggedIn,
    /// No such account, or not its password; which of the two is nobody's business.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The password is right, and a second factor is due. The login goes on with this token.
    #[error("second factor required")]
    SecondFactorRequired(LoginToken),
    /// A wrong code of a second factor, or one that was used before. Where the client sent the
    /// password along, it is not told which of the two was wrong.
    #[error("{}", if *with_password { "invalid credentials" } else { "invalid code" })]
    InvalidCode {
        /// Whether the password came with it.
        with_password: bool,
    },
    /// A code of an authenticator app whose clock is off.
    #[error("{}", clock_text(*behind))]
    ClockOff {
        /// By how many seconds it is behind; ahead if that is negative.
        behind: i64,
    },
    /// A login that waits for no second factor (any more), or was begun by another client.
    #[error("this login has expired, please log in again")]
    NoPendingLogin,
    /// The policy asks for a second factor, and the user has none yet.
    #[error("set up a second factor first")]
    EnrolmentRequired,
    /// The operator has turned second factors off.
    #[error("second factors are turned off")]
    SecondFactorOff,
    /// There is a second factor of that kind already.
    #[error("a second factor is set up already, remove it first")]
    SecondFactorExists,
    /// There is no second factor.
    #[error("no second factor is set up")]
    NoSecondFactor,
    /// Second factors cannot be encrypted or decrypted.
    #[error(transparent)]
    SecretKey(#[from] KeyFileError),
    /// The account changed while its password was being checked: it has another one, or the
    /// same one stored anew, or is gone. No session was made; trying again tells which.
    #[error("the account changed meanwhile, please try again")]
    Changed,
    /// The password is none that this service takes for a new one.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordRefused),
    /// A reset token that is wrong, spent, expired or another account's.
    #[error("invalid reset token")]
    InvalidResetToken,
    /// A token out of a mail about an address that is wrong, spent or expired.
    #[error("invalid token")]
    InvalidEmailToken,
    /// The password is right, and nobody has proved yet to read the mail of the address. A
    /// mail with which that is done is on its way, unless one went there of late.
    #[error("email not verified")]
    EmailNotVerified,
    /// The operator has closed registration.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The user has no access to the application that a request asks for.
    #[error("you have no access to this application")]
    AccessDenied(Denial),
    /// A code for the host of an application that is wrong, spent, expired, for another host, or
    /// of another browser.
    #[error("this link is not valid any more; please open the application again")]
    InvalidHandOver,
    /// An invitation that is wrong, used, expired, revoked, or for another address.
    #[error("invalid invitation")]
    InvalidInvitation,
    /// More passwords are waiting to be hashed than may wait.
    #[error("too many logins at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Too many guesses, or registrations, of late: whether the password was right was not
    /// looked at.
    #[error("too many attempts, please wait and try again")]
    Throttled {
        /// When the next one is due.
        retry_after: Duration,
        /// The limit that was reached.
        limit: Limit,
    },
    /// The database had no answer in time. What was begun may have been done.
    #[error("the database had no answer in time")]
    Busy,
    /// A defect: the thread that did the work is gone, with its cause.
    #[error("blocking work was lost: {0}")]
    Lost(String),
    /// The database cannot be used now; the same request may pass later.
    #[error(transparent)]
    Unavailable(DbError),
    /// A defect: the database answered, or was asked, what it should not be.
    #[error(transparent)]
    Failed(DbError),
    /// A defect: a password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// How an error is logged and counted.
pub(super) struct Description {
    /// The reason in the log.
    pub(super) reason: &'static str,
    pub(super) level: Level,
    /// Whether it is a failure of ours, and no refusal.
    pub(super) is_failure: bool,
    /// Whether what was counted for the use case is refunded: it came to no verdict.
    pub(super) is_refunded: bool,
    /// What was exceeded, if a limit refused.
    pub(super) exceeded: Option<&'static str>,
}

impl Description {
    const fn refusal(reason: &'static str) -> Self {
        Self {
            reason,
            level: Level::Info,
            is_failure: false,
            is_refunded: false,
            exceeded: None,
        }
    }

    const fn failure(reason: &'static str) -> Self {
        Self {
            reason,
            level: Level::Warn,
            is_failure: true,
            is_refunded: true,
            exceeded: None,
        }
    }
}

impl AuthError {
    pub(super) const fn describe(&self) -> Description {
        match self {
            Self::InvalidCredentials => Description::refusal("wrong_password"),
            Self::InvalidCode { .. } => Description::refusal("wrong_code"),
            Self::SecondFactorRequired(_) => Description::refusal("second_factor_required"),
            Self::ClockOff { .. } => Description::refusal("clock_off"),
            Self::NoPendingLogin => Description::refusal("no_pending_login"),
            Self::EnrolmentRequired => Description::refusal("enrolment_required"),
            Self::SecondFactorOff => Description::refusal("second_factor_off"),
            Self::SecondFactorExists => Description::refusal("second_factor_exists"),
            Self::NoSecondFactor => Description::refusal("no_second_factor"),
            Self::SecretKey(_) => Description {
                level: Level::Error,
                ..Description::failure("secret_key")
            },
            Self::NotLoggedIn => Description::refusal("not_logged_in"),
            Self::NoResultFound => Description::refusal("gone"),
            Self::AlreadyExists(_) => Description::refusal("email_taken"),
            Self::PasswordRefused(_) => Description::refusal("password_refused"),
            Self::InvalidResetToken | Self::InvalidEmailToken => {
                Description::refusal("invalid_token")
            }
            Self::AccessDenied(denial) => Description::refusal(denial.reason()),
            Self::InvalidHandOver => Description::refusal("invalid_code"),
            Self::InvalidInvitation => Description::refusal("invalid_invitation"),
            Self::EmailNotVerified => Description::refusal("email_not_verified"),
            Self::RegistrationClosed => Description::refusal("registration_closed"),
            Self::Changed => Description {
                is_refunded: true,
                ..Description::refusal("account_changed")
            },
            Self::Throttled { .. } => Description {
                exceeded: Some("too many attempts"),
                ..Description::refusal("throttled")
            },
            // One of many: the queue of the hasher logs them together.
            Self::Overloaded { .. } => Description {
                level: Level::Debug,
                is_refunded: true,
                exceeded: Some("too many at once"),
                ..Description::refusal("hash_queue")
            },
            // One of many: the line of the request tells of it.
            Self::Busy => Description {
                level: Level::Debug,
                ..Description::failure("database_unavailable")
            },
            Self::Unavailable(_) => Description::failure("database_unavailable"),
            Self::Lost(_) | Self::Failed(_) | Self::Hash(_) => {
                Description::failure("internal_error")
            }
        }
    }

    /// Whether the database is away, of which the log has lines of its own.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(error) if error.is_outage())
    }
}

/// What a user is told whose clock is off.
fn clock_text(behind: i64) -> String {
    let seconds = behind.unsigned_abs();
    let direction = if behind < 0 { "ahead" } else { "behind" };
    format!(
        "the clock of your phone is about {seconds} seconds {direction}: let it set the time by \
         itself, and enter the next code"
    )
}

impl From<RateLimited> for AuthError {
    fn from(limited: RateLimited) -> Self {
        Self::Throttled {
            retry_after: limited.wait,
            limit: limited.limit,
        }
    }
}

impl From<DbError> for AuthError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NoResultFound => Self::NoResultFound,
            DbError::AlreadyExists(email) => Self::AlreadyExists(email),
            DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::InvalidRequest(_) | DbError::Failed(_) => Self::Failed(error),
        }
    }
}
