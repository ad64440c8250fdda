//! The only way to check a password. It counts the attempt, so that no use case can bypass the
//! rate limits.

use super::audit::Event;
use super::executor::{Executor, Inline};
use super::hasher::{HashPermit, Requester};
use super::maintenance::background_writes::{Message, Rehashed};
use super::password::jobs::VerifyResult;
use super::throttle::{LoginAttempt, Reservation, refuse_waiting};
use super::{Auth, AuthError, HashError};
use crate::db::LimitCheck;
use crate::domain::{Client, HashedPassword, NormalizedEmail, Password, User, UserId};

/// A password that was checked, and what is logged and refunded if the login fails.
pub(super) struct CheckedPassword {
    /// None if the password is wrong, or if the account does not exist or is disabled.
    pub(super) right: Option<RightPassword>,
    /// The user, also if the password is wrong.
    pub(super) user: Option<UserId>,
    pub(super) reservation: Reservation,
    /// Whether this attempt locks the account for unknown clients.
    locks: bool,
    /// Why no password can be right.
    impossible: Option<&'static str>,
}

/// A right password and its account.
pub(super) struct RightPassword {
    pub(super) user: User,
    pub(super) attempt: LoginAttempt,
    /// The password, if its stored hash is outdated.
    pub(super) outdated: Option<Password>,
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
        let (mut checked, permit) = pollster::block_on(verified)
            .inspect_err(|cause| Event::login_failed(None, cause).log(&self.audit, &client))?;
        drop(permit);
        let right = checked.right.take().ok_or(AuthError::InvalidCredentials);
        match right.and_then(|right| self.settle(right)) {
            Ok(()) => Ok(true),
            Err(cause) => {
                self.end_failed_login(&checked, &cause, &client);
                if matches!(cause, AuthError::InvalidCredentials) {
                    Ok(false)
                } else {
                    Err(cause)
                }
            }
        }
    }

    /// Checks a password: takes a permit, looks up the account and its limits, counts the attempt,
    /// and hashes, the same for unknown and known accounts. Returns the permit for a second hash. `limits`
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
        let client = attempt.client.clone();
        let check = move |attempt: &LoginAttempt, auth: &Self| {
            attempt.check(auth)?;
            refuse_waiting(auth, &limits)
        };
        let admitted = self.admit(executor, &client, attempt, LoginAttempt::recognize, check);
        let (mut attempt, mut permit) = admitted.await?;

        let count = move |auth: &Self| {
            attempt.count(auth)?;
            let refreshed = auth.foreign_checks.refresh(&auth.db);
            let user = refreshed.and_then(|()| attempt.user(auth));
            let user = user.inspect_err(|_| auth.refund(&attempt.reservation))?;
            Ok((attempt, user))
        };
        let reserved = self.run_count_step(executor, &client, count);
        let (attempt, (user, is_disabled)) = reserved.await?;

        // A disabled account takes the time of an unknown one, and its password counts as wrong.
        let stored = user.as_ref().filter(|_| !is_disabled);
        let stored = stored.map(|user| &user.hashed_password);
        let verified = self.compare_password(&mut permit, stored, &password).await;
        let verified = verified.inspect_err(|_| self.refund(&attempt.reservation))?;
        let is_unknown = stored.is_some_and(|hash| hash.unknown_kind().is_some());
        let impossible = is_unknown.then_some("unknown_hash");
        let reservation = attempt.reservation.clone();
        let checked = CheckedPassword {
            user: user.as_ref().map(|user| user.id),
            locks: attempt.mark.is_none() && reservation.is_last(),
            impossible: is_disabled.then_some("account_disabled").or(impossible),
            right: user
                .filter(|_| verified.is_right && !is_disabled)
                .map(|user| RightPassword {
                    user,
                    attempt,
                    outdated: verified.is_outdated.then_some(password),
                }),
            reservation,
        };
        Ok((checked, permit))
    }

    /// Compares a password with the stored one. Every failed check takes one hash of the current
    /// cost, and one time slot of `ForeignChecks` if there are foreign hashes.
    async fn compare_password(
        &self,
        permit: &mut HashPermit,
        stored: Option<&HashedPassword>,
        password: &Password,
    ) -> Result<VerifyResult, HashError> {
        let foreign = stored.and_then(|stored| stored.foreign().ok().flatten());
        let is_foreign = foreign.is_some();
        if is_foreign && self.foreign_checks.check(foreign, password).await? {
            return Ok(VerifyResult {
                is_right: true,
                is_outdated: true,
            });
        }
        let cost = self.settings.passwords.bcrypt_cost;
        let verified = permit.verify(password.clone(), stored, cost).await?;
        if !verified.is_right && !is_foreign {
            // Only takes the time that the check of a foreign hash takes.
            self.foreign_checks.check(None, password).await?;
        }
        Ok(verified)
    }

    /// Settles the rate limits for a right password without a session. Blocks for a write.
    fn settle(&self, right: RightPassword) -> Result<(), AuthError> {
        let side_effects = right.attempt.claim_side_effects(self);
        if !side_effects.is_empty()
            && let Err(error) = self.db.record_success(right.user.id, &side_effects)
        {
            right.attempt.reservation.release();
            return Err(error.into());
        }
        if let Some(password) = right.outdated {
            self.renew(right.user, password);
        }
        Ok(())
    }

    /// Rehashes an outdated stored password in the background. The login does not wait for it; if
    /// it fails, the next login tries again. The thread for background writes stores the new hash:
    /// a hashing thread has a low priority, and must not hold a database lock for which others
    /// wait.
    pub(super) fn renew(&self, user: User, password: Password) {
        let cost = self.settings.passwords.bcrypt_cost;
        let messages = self.background_writes.messages();
        let permit = self
            .hasher
            .queue
            .acquire_permit(cost.rounds(), Requester::Unlimited);
        match permit {
            Ok(permit) => permit.hash_detached(password, cost, move |outcome| {
                // Fails only at shutdown. The next login rehashes the password.
                drop(messages.send(Message::Store(Rehashed { user, outcome })));
            }),
            Err(error) => log::debug!("a stored password was not rehashed: {error}"),
        }
    }

    /// Logs that a login failed after the hash, and refunds its reservation if the failure is the
    /// service's own.
    pub(super) fn end_failed_login(
        &self,
        checked: &CheckedPassword,
        cause: &AuthError,
        client: &Client,
    ) {
        self.refund_if_ours(&checked.reservation, cause);
        let user = checked.user;
        let is_wrong = matches!(
            cause,
            AuthError::InvalidCredentials | AuthError::InvalidCode { .. }
        );
        match (user, checked.impossible) {
            (Some(user), _) if matches!(cause, AuthError::SecondFactorRequired(_)) => {
                Event::second_factor_required(user)
            }
            (Some(user), Some(reason)) if matches!(cause, AuthError::InvalidCredentials) => {
                Event::login_impossible(user, reason)
            }
            (Some(_) | None, Some(_) | None) => Event::login_failed(user, cause),
        }
        .log(&self.audit, client);
        if checked.locks && is_wrong {
            Event::login_locked(user).log(&self.audit, client);
        }
    }
}
