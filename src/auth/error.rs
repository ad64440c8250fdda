//! Errors of the use cases, with their description for the log and the rate limits.

use std::time::Duration;

use log::Level;

use super::{ActRefusal, Denial, HashError, PasskeyRefusal, PasswordPolicyError};
use crate::db::{DbError, RateLimited};
use crate::domain::{Email, Limit, LoginToken};
use crate::secret_key::KeyFileError;

/// Why a use case failed. `Display` is the message; the snake-case name, or `serialize`, is the reason
/// in the log.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AuthError {
    /// The user or session does not exist.
    #[error("no result found")]
    #[strum(serialize = "gone")]
    NoResultFound,
    /// A user has this email, in this or another spelling.
    #[error("User {0} already exists")]
    #[strum(serialize = "email_taken")]
    AlreadyExists(Email),
    /// There is no valid session.
    #[error("not logged in")]
    NotLoggedIn,
    /// The account does not exist, or the password is wrong. The error does not say which.
    #[error("invalid credentials")]
    #[strum(serialize = "wrong_password")]
    InvalidCredentials,
    /// The password is right, and a second factor is required. The login continues with this token.
    #[error("second factor required")]
    SecondFactorRequired(LoginToken),
    /// The code of a second factor is wrong or was used before. If the client sent the password in
    /// the same request, the message does not say which of the two was wrong.
    #[error("{}", if *with_password { "invalid credentials" } else { "invalid code" })]
    #[strum(serialize = "wrong_code")]
    InvalidCode {
        /// Whether the password was in the same request.
        with_password: bool,
    },
    /// The clock of the authenticator app is wrong.
    #[error("{}", clock_text(*behind))]
    ClockOff {
        /// How many seconds it is behind; negative if it is ahead.
        behind: i64,
    },
    /// There is no login that waits for a second factor, or another client has begun it.
    #[error("this login has expired, please log in again")]
    NoPendingLogin,
    /// The policy or the application requires a second factor, and the user has none.
    #[error("set up a second factor first")]
    EnrolmentRequired,
    /// The application requires a second factor. The user has one and has not shown it in this
    /// session.
    #[error("log in again with your second factor")]
    StepUpRequired,
    /// The operator has turned second factors off.
    #[error("second factors are turned off")]
    SecondFactorOff,
    /// The user already has a second factor of this kind.
    #[error("a second factor is set up already, remove it first")]
    SecondFactorExists,
    /// The user has no second factor.
    #[error("no second factor is set up")]
    NoSecondFactor,
    /// The account has a second factor, which has to be shown beside the password.
    #[error("show your second factor too: otp, recovery_code or credential")]
    ProofRequired,
    /// Passkeys cannot be used: the service has no host of its own.
    #[error("passkeys need a --public-url with the name of a host, over https")]
    PasskeysUnavailable,
    /// A login by passkey is refused. The message does not say why.
    #[error("this passkey was not accepted")]
    InvalidPasskey(PasskeyRefusal),
    /// A new passkey is refused.
    #[error("this passkey cannot be added: {0}")]
    PasskeyNotAdded(PasskeyRefusal),
    /// The passkey is registered already, or the user has as many as are allowed.
    #[error("this passkey is registered already, or there are too many")]
    PasskeyExists,
    /// The user has no such passkey.
    #[error("no such passkey")]
    NoSuchPasskey,
    /// Second factors cannot be encrypted or decrypted.
    #[error(transparent)]
    SecretKey(#[from] KeyFileError),
    /// The account changed while its password was being checked: the stored password was
    /// replaced, or the account was deleted. No session was opened; the client can retry.
    #[error("the account changed meanwhile, please try again")]
    #[strum(serialize = "account_changed")]
    ConcurrentChange,
    /// The new password violates the password policy.
    #[error(transparent)]
    #[strum(serialize = "password_refused")]
    PasswordPolicyError(#[from] PasswordPolicyError),
    /// The reset token is wrong, spent, expired or another account's.
    #[error("invalid reset token")]
    #[strum(serialize = "invalid_token")]
    InvalidResetToken,
    /// The email token is wrong, spent or expired.
    #[error("invalid token")]
    #[strum(serialize = "invalid_token")]
    InvalidEmailToken,
    /// The password is right, but the address is not verified. A verification mail was queued,
    /// as far as the budget of the address allows.
    #[error("email not verified")]
    EmailNotVerified,
    /// The operator has closed registration.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The user has no access to the requested application.
    #[error("you have no access to this application")]
    AccessDenied(Denial),
    /// The user is no member of the group `admins`.
    #[error("this page is for administrators")]
    NotAdministrator,
    /// An act of an administrator is refused.
    #[error(transparent)]
    ActRefused(#[from] ActRefusal),
    /// The code for the host of an application is wrong, spent, expired, for another host, or for
    /// another browser.
    #[error("this link is not valid any more; please open the application again")]
    #[strum(serialize = "invalid_code")]
    InvalidHandOver,
    /// The invitation is wrong, used, expired, revoked, or for another address.
    #[error("invalid invitation")]
    InvalidInvitation,
    /// Too many hashes wait already.
    #[error("too many logins at once")]
    #[strum(serialize = "hash_queue")]
    Overloaded {
        /// After how long a retry is likely to succeed.
        retry_after: Duration,
    },
    /// A rate limit is reached. The password was not checked.
    #[error("too many attempts, please wait and try again")]
    #[strum(serialize = "throttled")]
    RateLimited {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
        /// The limit that was reached.
        limit: Limit,
    },
    /// The database did not answer in time. The work may have been done.
    #[error("the database did not answer in time")]
    #[strum(serialize = "database_unavailable")]
    Busy,
    /// A defect: the thread that did the work is gone, with its cause.
    #[error("blocking work was lost: {0}")]
    #[strum(serialize = "internal_error")]
    TaskFailed(String),
    /// The database cannot be used now. The same request may succeed later.
    #[error(transparent)]
    #[strum(serialize = "database_unavailable")]
    Unavailable(DbError),
    /// A defect: the database got an invalid request or returned an unexpected error.
    #[error(transparent)]
    #[strum(serialize = "internal_error")]
    Failed(DbError),
    /// A defect: a password could not be hashed.
    #[error(transparent)]
    #[strum(serialize = "internal_error")]
    Hash(#[from] HashError),
}

/// How an error is logged and counted.
pub(super) struct Description {
    /// The reason in the log.
    pub(super) reason: &'static str,
    pub(super) level: Level,
    /// Whether it is a failure of the service, not a refusal.
    pub(super) is_failure: bool,
    /// Whether the reservation is refunded, because the use case came to no verdict.
    pub(super) is_refunded: bool,
    /// The message, if a limit was exceeded.
    pub(super) exceeded: Option<&'static str>,
}

impl AuthError {
    pub(super) fn describe(&self) -> Description {
        let is_failure = self.is_failure();
        let is_overload = matches!(self, Self::Overloaded { .. });
        let is_over_limit = matches!(self, Self::RateLimited { .. });
        // The hasher's queue logs its refusals together, and the access log has a line for each
        // request that the database did not answer.
        let has_other_line = is_overload || matches!(self, Self::Busy);
        Description {
            reason: self.reason(),
            level: if matches!(self, Self::SecretKey(_)) {
                Level::Error
            } else if has_other_line {
                Level::Debug
            } else if is_failure {
                Level::Warn
            } else {
                Level::Info
            },
            is_failure,
            is_refunded: is_failure || is_overload || matches!(self, Self::ConcurrentChange),
            exceeded: if is_over_limit {
                Some("too many attempts")
            } else {
                is_overload.then_some("too many at once")
            },
        }
    }

    fn reason(&self) -> &'static str {
        if let Self::AccessDenied(denial) = self {
            return denial.reason();
        }
        if let Self::ActRefused(refusal) = self {
            return refusal.reason();
        }
        if let Self::InvalidPasskey(refusal) | Self::PasskeyNotAdded(refusal) = self {
            return refusal.reason();
        }
        self.into()
    }

    /// Whether it is a failure of the service. A new error is a refusal until it is listed here.
    const fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::SecretKey(_)
                | Self::Busy
                | Self::Unavailable(_)
                | Self::TaskFailed(_)
                | Self::Failed(_)
                | Self::Hash(_)
        )
    }

    /// The row of a lookup, if there is one.
    pub(super) fn optional<T>(found: Result<T, DbError>) -> Result<Option<T>, Self> {
        match found {
            Ok(row) => Ok(Some(row)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The error of a statement that finds no row only because of `missing`.
    pub(super) fn unless_missing(error: DbError, missing: Self) -> Self {
        if matches!(error, DbError::NoResultFound) {
            missing
        } else {
            error.into()
        }
    }

    /// Whether the database is unreachable. The log has separate lines for that.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(error) if error.is_outage())
    }
}

/// The message to a user whose clock is wrong.
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
        Self::RateLimited {
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
