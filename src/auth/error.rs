//! Errors of the use cases, with their description for the log and the rate limits.

use std::time::Duration;

use log::Level;

use super::{Denial, HashError, PasskeyRefusal, PasswordPolicyError};
use crate::db::{DbError, RateLimited};
use crate::domain::{Email, Limit, LoginToken};
use crate::secret_key::KeyFileError;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The user or session does not exist.
    #[error("no result found")]
    NoResultFound,
    /// A user has this email, in this or another spelling.
    #[error("User {0} already exists")]
    AlreadyExists(Email),
    /// There is no valid session.
    #[error("not logged in")]
    NotLoggedIn,
    /// The account does not exist, or the password is wrong. The error does not say which.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The password is right, and a second factor is required. The login continues with this token.
    #[error("second factor required")]
    SecondFactorRequired(LoginToken),
    /// The code of a second factor is wrong or was used before. If the client sent the password in
    /// the same request, the message does not say which of the two was wrong.
    #[error("{}", if *with_password { "invalid credentials" } else { "invalid code" })]
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
    /// The policy requires a second factor, and the user has none.
    #[error("set up a second factor first")]
    EnrolmentRequired,
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
    ConcurrentChange,
    /// The new password violates the password policy.
    #[error(transparent)]
    PasswordPolicyError(#[from] PasswordPolicyError),
    /// The reset token is wrong, spent, expired or another account's.
    #[error("invalid reset token")]
    InvalidResetToken,
    /// The email token is wrong, spent or expired.
    #[error("invalid token")]
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
    /// The code for the host of an application is wrong, spent, expired, for another host, or for
    /// another browser.
    #[error("this link is not valid any more; please open the application again")]
    InvalidHandOver,
    /// The invitation is wrong, used, expired, revoked, or for another address.
    #[error("invalid invitation")]
    InvalidInvitation,
    /// Too many hashes wait already.
    #[error("too many logins at once")]
    Overloaded {
        /// After how long a retry is likely to succeed.
        retry_after: Duration,
    },
    /// A rate limit is reached. The password was not checked.
    #[error("too many attempts, please wait and try again")]
    RateLimited {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
        /// The limit that was reached.
        limit: Limit,
    },
    /// The database did not answer in time. The work may have been done.
    #[error("the database did not answer in time")]
    Busy,
    /// A defect: the thread that did the work is gone, with its cause.
    #[error("blocking work was lost: {0}")]
    TaskFailed(String),
    /// The database cannot be used now. The same request may succeed later.
    #[error(transparent)]
    Unavailable(DbError),
    /// A defect: the database got an invalid request or returned an unexpected error.
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
    /// Whether it is a failure of the service, not a refusal.
    pub(super) is_failure: bool,
    /// Whether the reservation is refunded, because the use case came to no verdict.
    pub(super) is_refunded: bool,
    /// The message, if a limit was exceeded.
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
            Self::ProofRequired => Description::refusal("second_factor_missing"),
            Self::PasskeysUnavailable => Description::refusal("passkeys_unavailable"),
            Self::InvalidPasskey(refusal) | Self::PasskeyNotAdded(refusal) => {
                Description::refusal(refusal.reason())
            }
            Self::PasskeyExists => Description::refusal("passkey_exists"),
            Self::NoSuchPasskey => Description::refusal("passkey_not_found"),
            Self::SecretKey(_) => Description {
                level: Level::Error,
                ..Description::failure("secret_key")
            },
            Self::NotLoggedIn => Description::refusal("not_logged_in"),
            Self::NoResultFound => Description::refusal("gone"),
            Self::AlreadyExists(_) => Description::refusal("email_taken"),
            Self::PasswordPolicyError(_) => Description::refusal("password_refused"),
            Self::InvalidResetToken | Self::InvalidEmailToken => {
                Description::refusal("invalid_token")
            }
            Self::AccessDenied(denial) => Description::refusal(denial.reason()),
            Self::InvalidHandOver => Description::refusal("invalid_code"),
            Self::InvalidInvitation => Description::refusal("invalid_invitation"),
            Self::EmailNotVerified => Description::refusal("email_not_verified"),
            Self::RegistrationClosed => Description::refusal("registration_closed"),
            Self::ConcurrentChange => Description {
                is_refunded: true,
                ..Description::refusal("account_changed")
            },
            Self::RateLimited { .. } => Description {
                exceeded: Some("too many attempts"),
                ..Description::refusal("throttled")
            },
            // DEBUG, because the hasher's queue logs all refusals together.
            Self::Overloaded { .. } => Description {
                level: Level::Debug,
                is_refunded: true,
                exceeded: Some("too many at once"),
                ..Description::refusal("hash_queue")
            },
            // DEBUG, because the access log has a line for the request.
            Self::Busy => Description {
                level: Level::Debug,
                ..Description::failure("database_unavailable")
            },
            Self::Unavailable(_) => Description::failure("database_unavailable"),
            Self::TaskFailed(_) | Self::Failed(_) | Self::Hash(_) => {
                Description::failure("internal_error")
            }
        }
    }

    /// Whether the database is unreachable. The log has separate lines for that.
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
