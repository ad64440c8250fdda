//! Re-authentication: a user gives the password again before the account changes.

use super::executor::Executor;
use super::hasher::HashPermit;
use super::password_check::RightPassword;
use super::throttle::{LoginAttempt, admin_acts, reauthentications};
use super::{Auth, AuthError, Reservation};
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
    reservation: Reservation,
    session: SessionDigest,
    /// The level at which the session's user has authenticated.
    pub(super) level: SessionLevel,
    /// The rate limit of account changes, or of an administrator's acts. It is counted with the change, so that only right
    /// passwords count.
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

    /// The same for an act of an administrator, who may act more often than owners change their
    /// account.
    ///
    /// # Errors
    /// Those of [`Auth::reauthenticate`].
    pub(super) async fn reauthenticate_administrator(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
    ) -> Result<(ReauthenticatedUser, HashPermit), AuthError> {
        let limit = admin_acts(&self.settings.throttle, request.owner.id);
        let reauthenticated = self.reauthenticate_within(executor, request, limit, Vec::new());
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
        if checked.user.as_ref().is_none_or(|user| user.id != owner.id) {
            self.refund(checked.reservation);
            return Err(AuthError::ConcurrentChange);
        }
        let RightPassword {
            user,
            attempt,
            reservation,
            outdated: _,
        } = checked.right()?;
        let owner = ReauthenticatedUser {
            user,
            attempt,
            reservation,
            session: session_id.digest(),
            level: owner.level,
            limit,
        };
        Ok((owner, permit))
    }
}

impl ReauthenticatedUser {
    pub(super) fn client(&self) -> &Client {
        self.attempt.client()
    }

    /// The reservation of the attempt.
    pub(super) fn reservation(&self) -> Reservation {
        self.reservation.clone()
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
    pub(super) fn side_effects(&self, auth: &Auth) -> LoginSideEffects {
        self.attempt.right(auth, &self.reservation)
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
            Err(DbError::NoResultFound) => AuthError::ConcurrentChange,
            Err(
                error @ (DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_)),
            ) => error.into(),
        };
        self.reservation.release();
        Err(error)
    }
}
