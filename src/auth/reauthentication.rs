//! Re-authentication: a user gives the password again before the account changes.

use super::executor::Executor;
use super::hasher::HashPermit;
use super::throttle::{LoginAttempt, Reservation, admin_acts, reauthentications};
use super::{Auth, AuthError};
use crate::db::{DbError, LimitCheck, LoginSideEffects, RateLimited, Reauthenticated};
use crate::domain::{Client, Password, SessionDigest, SessionId, SessionLevel, SessionUser, User};

/// A request of a user who is logged in, with the password given again.
#[derive(Debug, Clone)]
pub struct OwnerRequest {
    /// The user of the session.
    pub owner: SessionUser,
    /// The session of the request.
    pub session_id: SessionId,
    /// The password that was given again.
    pub current_password: Password,
    /// The client of the request.
    pub client: Client,
}

/// A user who has given the right password again.
#[derive(Debug)]
pub(super) struct ReauthenticatedUser {
    pub(super) user: User,
    attempt: LoginAttempt,
    session: SessionDigest,
    /// The level at which the session's user has authenticated.
    pub(super) level: SessionLevel,
    /// The rate limit of account changes, or of an administrator's acts. It is counted with the
    /// change, so that only right passwords count.
    limit: Vec<LimitCheck>,
}

impl Auth {
    /// Checks the user's password. Returns the permit for a second hash. `limits` are further
    /// rate limits, checked before anything is counted.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for a wrong password, [`AuthError::ConcurrentChange`] if the
    /// address now belongs to another account, and the errors of [`Auth::verify_password`].
    pub(super) async fn reauthenticate(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        limits: Vec<LimitCheck>,
    ) -> Result<(ReauthenticatedUser, HashPermit), AuthError> {
        let limit = reauthentications(&self.settings.throttle, &request.owner.email.key());
        let reauthenticated = self.reauthenticate_within(executor, request, limit, limits);
        reauthenticated.await
    }

    async fn reauthenticate_within(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        limit: Vec<LimitCheck>,
        limits: Vec<LimitCheck>,
    ) -> Result<(ReauthenticatedUser, HashPermit), AuthError> {
        let OwnerRequest {
            owner,
            session_id,
            current_password,
            client,
        } = request;
        let email = owner.email.key();
        let limits = limits.into_iter().chain(limit.clone()).collect();
        let attempt = LoginAttempt::new(email, client);
        let verified = self.verify_password(executor, attempt, current_password, limits);
        let (checked, permit) = verified.await?;
        if checked.user.is_none_or(|user| user != owner.id) {
            self.refund(&checked.reservation);
            return Err(AuthError::ConcurrentChange);
        }
        let right = checked.right.ok_or(AuthError::InvalidCredentials)?;
        let owner = ReauthenticatedUser {
            user: right.user,
            attempt: right.attempt,
            session: session_id.digest(),
            level: owner.level,
            limit,
        };
        Ok((owner, permit))
    }

    /// Runs a change by an owner, after the password was checked. `limits` are further ones that
    /// refuse before anything is counted.
    pub(super) async fn as_owner<T: Send + 'static>(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        limits: Vec<LimitCheck>,
        change: impl FnOnce(&Self, &ReauthenticatedUser) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let (owner, permit) = self.reauthenticate(executor, request, limits).await?;
        drop(permit);
        self.write_change(executor, owner, change).await
    }

    /// Runs an act of an administrator, after the password was checked. Administrators may act
    /// more often than owners change their account.
    pub(super) async fn as_administrator<T: Send + 'static>(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        act: impl FnOnce(&Self, &ReauthenticatedUser) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let limit = admin_acts(&self.settings.throttle, request.owner.id);
        let reauthenticated = self.reauthenticate_within(executor, request, limit, Vec::new());
        let (owner, permit) = reauthenticated.await?;
        drop(permit);
        self.write_change(executor, owner, act).await
    }

    async fn write_change<T: Send + 'static>(
        &self,
        executor: &impl Executor,
        owner: ReauthenticatedUser,
        change: impl FnOnce(&Self, &ReauthenticatedUser) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let client = owner.client().clone();
        let reservation = owner.reservation().clone();
        let change = move |auth: &Self| change(auth, &owner);
        let changed = executor.write(self, &client, change).await;
        changed.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
    }
}

impl ReauthenticatedUser {
    pub(super) fn client(&self) -> &Client {
        &self.attempt.client
    }

    /// The reservation of the attempt.
    pub(super) fn reservation(&self) -> &Reservation {
        &self.attempt.reservation
    }

    /// The facts that must still be true when the change is written.
    pub(super) fn who(&self) -> Reauthenticated<'_> {
        Reauthenticated {
            user_id: self.user.id,
            checked: &self.user.hashed_password,
            session: &self.session,
            limit: &self.limit,
        }
    }

    /// The side effects of the right password.
    pub(super) fn claim_side_effects(&self, auth: &Auth) -> LoginSideEffects {
        self.attempt.claim_side_effects(auth)
    }

    /// Maps the result of writing the change. If nothing was written, the reservation is released
    /// for a refund.
    pub(super) fn written(
        &self,
        written: Result<Result<(), RateLimited>, DbError>,
    ) -> Result<(), AuthError> {
        let error = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(limited)) => limited.into(),
            Err(error) => AuthError::unless_missing(error, AuthError::ConcurrentChange),
        };
        self.reservation().release();
        Err(error)
    }
}
