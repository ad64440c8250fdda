//! The only way to check a password. It counts the attempt, so that no use case can bypass the
//! rate limits.

use super::audit::{AuditTrail, Event};
use super::executor::{Executor, Inline};
use super::hasher::HashPermit;
use super::maintenance::rehash_job::RehashJob;
use super::throttle::{LoginAttempt, refuse_waiting};
use super::{Auth, AuthError, HashError, Reservation, VerifyJob, VerifyResult};
use crate::db::LimitCheck;
use crate::domain::{Client, HashedPassword, NormalizedEmail, Password, User, UserId};

/// A password that was checked and is right or wrong.
pub(super) struct CheckedPassword {
    pub(super) user: Option<User>,
    /// Whether the account is disabled. Its password counts as wrong.
    is_disabled: bool,
    attempt: LoginAttempt,
    /// The reservation of the attempt.
    pub(super) reservation: Reservation,
    verified: VerifyResult,
}

/// A right password and its account.
pub(super) struct RightPassword {
    pub(super) user: User,
    pub(super) attempt: LoginAttempt,
    pub(super) reservation: Reservation,
    /// The password, if its stored hash is outdated.
    pub(super) outdated: Option<Password>,
}

/// The facts that the log needs if the login fails.
pub(super) struct LoginFailure {
    user: Option<UserId>,
    /// Whether this attempt locks the account for unknown clients.
    locks: bool,
    /// Whether no password can be right, because the stored hash has an unknown algorithm.
    has_unknown_hash: bool,
    /// Whether no password can be right, because the account is disabled.
    is_disabled: bool,
}

impl Auth {
    /// Whether this is the password of the account. False for an unknown email, and for a stored
    /// password that is not a hash. Blocks for a few lookups, for one hash, which takes as
    /// long for an unknown account as for a known one, and for a write.
    ///
    /// # Errors
    /// Only if the database fails, the hash would wait too long, or a rate limit is reached. A
    /// wrong password is not an error.
    pub fn valid_login(
        &self,
        email: impl Into<NormalizedEmail>,
        password: &Password,
    ) -> Result<bool, AuthError> {
        let client = Client::default();
        let attempt = LoginAttempt::new(email.into(), client.clone());
        let verified = self.verify_password(&Inline, attempt, password.clone(), Vec::new());
        let (checked, permit) = pollster::block_on(verified)
            .inspect_err(|cause| Event::login_failed(None, cause).log(&self.audit, &client))?;
        drop(permit);
        let (failure, reservation) = (checked.failure(), checked.reservation.clone());
        let settled = checked.right().and_then(|right| self.settle(right));
        match settled {
            Ok(()) => Ok(true),
            Err(cause) => {
                failure.log(&cause, &self.audit, &client);
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
    /// the same for unknown and known accounts. Returns the permit for a second hash. `limits`
    /// are further rate limits, checked before anything is counted.
    ///
    /// # Errors
    /// Why the password could not be checked. The reservation was refunded.
    pub(super) async fn verify_password(
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
            let reservation = attempt.reserve(auth)?;
            let user = auth
                .foreign_checks
                .refresh(&auth.db)
                .and_then(|()| attempt.user(auth));
            let user = user.inspect_err(|_| auth.refund(reservation.clone()))?;
            Ok((attempt, reservation, user))
        };
        let reserved = self.reserve(executor, &client, count_and_look_up);
        let (attempt, reservation, (user, is_disabled)) = reserved.await?;

        // A disabled account takes the time of an unknown one.
        let stored = user.as_ref().filter(|_| !is_disabled);
        let stored = stored.map(|user| &user.hashed_password);
        let verified = self.verify(&mut permit, stored, password).await;
        let verified = verified.inspect_err(|_| self.refund(reservation.clone()))?;
        let checked = CheckedPassword {
            user,
            is_disabled,
            attempt,
            reservation,
            verified,
        };
        Ok((checked, permit))
    }

    /// Compares a password with the stored one. Every failed check takes one hash of the current
    /// cost, and one time slot of `ForeignChecks` if there are foreign hashes.
    async fn verify(
        &self,
        permit: &mut HashPermit,
        stored: Option<&HashedPassword>,
        password: Password,
    ) -> Result<VerifyResult, HashError> {
        let foreign = stored.and_then(|stored| stored.foreign().ok().flatten());
        let is_foreign = foreign.is_some();
        if is_foreign && self.foreign_checks.check(foreign, &password).await? {
            return Ok(VerifyResult {
                password,
                right: true,
                outdated: true,
            });
        }
        let job = VerifyJob::new(password, stored, self.settings.bcrypt_cost);
        let verified = permit.run(job).await?;
        if !verified.right && !is_foreign {
            self.foreign_checks.check(None, &verified.password).await?;
        }
        Ok(verified)
    }

    /// Settles the rate limits for a right password without a session. Blocks for a write.
    fn settle(&self, right: RightPassword) -> Result<(), AuthError> {
        let side_effects = right.attempt.right(self, &right.reservation);
        if !side_effects.is_empty()
            && let Err(error) = self.db.record_success(right.user.id, &side_effects)
        {
            right.reservation.release();
            return Err(error.into());
        }
        if let Some(password) = right.outdated {
            self.renew(right.user, password);
        }
        Ok(())
    }

    /// Rehashes an outdated stored password in the background. The login does not wait for it; if
    /// it fails, the next login tries again.
    pub(super) fn renew(&self, user: User, password: Password) {
        let cost = self.settings.bcrypt_cost;
        let renewal = RehashJob::new(user, password, cost, self.background_writes.messages());
        match (self.acquire_permit(), renewal) {
            (Ok(place), Ok(renewal)) => place.submit_detached(renewal),
            (Err(error), _) => log::debug!("a stored password was not rehashed: {error}"),
            (_, Err(error)) => log::warn!("a stored password was not rehashed: {error}"),
        }
    }
}

impl CheckedPassword {
    /// The account, if the password is right. This is where the password of a disabled account
    /// counts as wrong, after the same work.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] if it is wrong, or if the account does not exist or is
    /// disabled.
    pub(super) fn right(self) -> Result<RightPassword, AuthError> {
        let VerifyResult {
            password,
            right,
            outdated,
        } = self.verified;
        let user = self.user.filter(|_| right && !self.is_disabled);
        Ok(RightPassword {
            user: user.ok_or(AuthError::InvalidCredentials)?,
            attempt: self.attempt,
            reservation: self.reservation,
            outdated: outdated.then_some(password),
        })
    }

    /// The facts that the log needs if the login fails.
    pub(super) fn failure(&self) -> LoginFailure {
        let stored = self.user.as_ref().map(|user| &user.hashed_password);
        LoginFailure {
            user: self.user.as_ref().map(|user| user.id),
            locks: !self.attempt.is_known() && self.reservation.is_last(),
            has_unknown_hash: stored.is_some_and(|hash| hash.unknown_kind().is_some()),
            is_disabled: self.is_disabled,
        }
    }
}

impl LoginFailure {
    /// Logs that the password was wrong, or could not be checked.
    pub(super) fn log(&self, cause: &AuthError, trail: &AuditTrail, client: &Client) {
        let user = self.user;
        if let (Some(user), AuthError::SecondFactorRequired(_)) = (user, cause) {
            Event::second_factor_required(user).log(trail, client);
            return;
        }
        let reason = match (self.is_disabled, self.has_unknown_hash) {
            (true, _) => Some("account_disabled"),
            (false, true) => Some("unknown_hash"),
            (false, false) => None,
        };
        match user.zip(reason) {
            Some((user, reason)) if matches!(cause, AuthError::InvalidCredentials) => {
                Event::login_impossible(user, reason).log(trail, client);
            }
            Some(_) | None => Event::login_failed(user, cause).log(trail, client),
        }
        let is_wrong = matches!(
            cause,
            AuthError::InvalidCredentials | AuthError::InvalidCode { .. }
        );
        if self.locks && is_wrong {
            Event::login_locked(user).log(trail, client);
        }
    }
}
