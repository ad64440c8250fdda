//! The one way to authenticate by password. Attempts are counted here, so that no use case
//! can leave it out.

use super::rehash::RehashJob;
use crate::auth::audit::{Event, SecondFactorEvent};
use crate::auth::executor::{Executor, Inline};
use crate::auth::hasher::HashPermit;
use crate::auth::throttle::{LoginAttempt, refuse_waiting};
use crate::auth::{Auth, AuthError, Reservation, VerifyJob, VerifyResult};
use crate::db::LimitCheck;
use crate::domain::{Client, EmailKey, Password, User, UserId};

/// A password after its hash, right or wrong.
pub(in crate::auth) struct CheckedPassword {
    pub(in crate::auth) user: Option<User>,
    attempt: LoginAttempt,
    /// What was counted for it.
    pub(in crate::auth) reservation: Reservation,
    verified: VerifyResult,
}

/// A right password, and the account whose it is.
pub(in crate::auth) struct RightPassword {
    pub(in crate::auth) user: User,
    pub(in crate::auth) attempt: LoginAttempt,
    pub(in crate::auth) reservation: Reservation,
    /// The password, if its stored hash is to be replaced.
    pub(in crate::auth) outdated: Option<Password>,
}

/// What the log says of a login that fails.
pub(in crate::auth) struct LoginFailure {
    user: Option<UserId>,
    /// Whether this is the last attempt of clients that the account does not know.
    locks: bool,
    /// Whether no password can be right, because the stored hash is of an unknown kind.
    has_unknown_hash: bool,
}

impl Auth {
    /// Whether that is the password of that account; no in any other case, such as an
    /// unknown email or a stored password that is no bcrypt hash. Blocks for a few look-ups,
    /// one hash, which takes as long for an unknown account as for a known one, and a write.
    ///
    /// # Errors
    /// Only if the database fails, the hash would have to wait too long, or there were too many
    /// attempts at the account; that is not a wrong password.
    pub fn valid_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
    ) -> Result<bool, AuthError> {
        let client = Client::default();
        let attempt = LoginAttempt::new(email.into(), client.clone());
        let verified = self.verify_password(&Inline, attempt, password.clone(), Vec::new());
        let (checked, permit) = pollster::block_on(verified)
            .inspect_err(|cause| Event::LoginFailed { user: None, cause }.log(&client))?;
        drop(permit);
        let (failure, reservation) = (checked.failure(), checked.reservation.clone());
        let settled = checked.right().and_then(|right| self.settle(right));
        match settled {
            Ok(()) => Ok(true),
            Err(cause) => {
                failure.log(&cause, &client);
                self.refund_if_ours(&reservation, &cause);
                if matches!(cause, AuthError::InvalidCredentials) {
                    Ok(false)
                } else {
                    Err(cause)
                }
            }
        }
    }

    /// Checks a password: takes a permit, counts the attempt, looks the account up, and hashes,
    /// the same for unknown and known accounts. The permit is returned for a second hash.
    /// `limits` are further ones that refuse before anything is counted.
    ///
    /// # Errors
    /// What kept the password from being checked; what was counted is refunded then.
    pub(in crate::auth) async fn verify_password(
        &self,
        executor: &impl Executor,
        attempt: LoginAttempt,
        password: Password,
        limits: Vec<LimitCheck>,
    ) -> Result<(CheckedPassword, HashPermit), AuthError> {
        let client = attempt.client().clone();
        let check = move |attempt: &LoginAttempt, auth: &Self| {
            attempt.check(auth)?;
            refuse_waiting(auth, &limits)
        };
        let admitted = self.admit(executor, &client, attempt, LoginAttempt::recognize, check);
        let (attempt, mut permit) = admitted.await?;

        let count_and_look_up = move |auth: &Self| {
            let reservation = attempt.take(auth)?;
            let user = attempt.user(auth);
            let user = user.inspect_err(|_| auth.refund(reservation.clone()))?;
            Ok((attempt, reservation, user))
        };
        let reserved = self.reserve(executor, &client, count_and_look_up);
        let (attempt, reservation, user) = reserved.await?;

        let stored = user.as_ref().map(|user| &user.hashed_password);
        let verification = VerifyJob::new(password, stored, self.settings.bcrypt_cost);
        let verified = permit.run(verification).await;
        let verified = verified.inspect_err(|_| self.refund(reservation.clone()))?;
        let checked = CheckedPassword {
            user,
            attempt,
            reservation,
            verified,
        };
        Ok((checked, permit))
    }

    /// Settles what was counted for a right password that opens no session. Blocks for a write.
    fn settle(&self, right: RightPassword) -> Result<(), AuthError> {
        let settlement = right.attempt.right(self, &right.reservation);
        if !settlement.is_empty()
            && let Err(error) = self.db.settle_guess(right.user.id, &settlement)
        {
            right.reservation.release();
            return Err(error.into());
        }
        if let Some(password) = right.outdated {
            self.renew(right.user, password);
        }
        Ok(())
    }

    /// Replaces an outdated stored hash in the background: the login does not wait for it, and
    /// the next one tries again if it fails.
    pub(in crate::auth) fn renew(&self, user: User, password: Password) {
        let cost = self.settings.bcrypt_cost;
        let renewal = RehashJob::new(user, password, cost, self.housekeeping.messages());
        match (self.place(), renewal) {
            (Ok(place), Ok(renewal)) => place.submit_detached(renewal),
            (Err(error), _) => log::debug!("a stored password is not renewed: {error}"),
            (_, Err(error)) => log::warn!("a stored password is not renewed: {error}"),
        }
    }
}

impl CheckedPassword {
    /// The account, if the password is right.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] if it is wrong, or there is no account.
    pub(in crate::auth) fn right(self) -> Result<RightPassword, AuthError> {
        let VerifyResult {
            password,
            right,
            outdated,
        } = self.verified;
        let user = self.user.filter(|_| right);
        Ok(RightPassword {
            user: user.ok_or(AuthError::InvalidCredentials)?,
            attempt: self.attempt,
            reservation: self.reservation,
            outdated: outdated.then_some(password),
        })
    }

    /// What the log is to say if the login fails.
    pub(in crate::auth) fn failure(&self) -> LoginFailure {
        let stored = self.user.as_ref().map(|user| &user.hashed_password);
        LoginFailure {
            user: self.user.as_ref().map(|user| user.id),
            locks: !self.attempt.is_known() && self.reservation.is_last(),
            has_unknown_hash: stored.is_some_and(|hash| hash.unknown_kind().is_some()),
        }
    }
}

impl LoginFailure {
    /// Logs that the password was wrong, or could not be checked.
    pub(in crate::auth) fn log(&self, cause: &AuthError, client: &Client) {
        let user = self.user;
        if let (Some(user), AuthError::SecondFactorRequired(_)) = (user, cause) {
            Event::SecondFactor {
                user,
                event: SecondFactorEvent::Required,
            }
            .log(client);
            return;
        }
        match user.filter(|_| self.has_unknown_hash) {
            Some(user) if matches!(cause, AuthError::InvalidCredentials) => {
                Event::UnknownHash { user }.log(client);
            }
            Some(_) | None => Event::LoginFailed { user, cause }.log(client),
        }
        let is_wrong = matches!(
            cause,
            AuthError::InvalidCredentials | AuthError::InvalidCode { .. }
        );
        if self.locks && is_wrong {
            Event::LoginLocked { user }.log(client);
        }
    }
}
