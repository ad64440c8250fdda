//! Re-authentication: the owner of a session gives the password again, before the account changes.

use super::executor::Executor;
use super::hasher::HashPermit;
use super::password::check::RightPassword;
use super::throttle::{LoginAttempt, reauthentications};
use super::{Auth, AuthError, Reservation};
use crate::db::{DbError, LimitCheck, LoginSideEffects, RateLimited, Reauthenticated};
use crate::domain::{Client, Password, SessionDigest, SessionId, SessionLevel, SessionUser, User};

/// A request of a user who is logged in, with the password that has to be given again.
#[derive(Debug, Clone)]
pub struct OwnerRequest {
    /// The account, as the session knows it.
    pub owner: SessionUser,
    /// The session in which it is asked for.
    pub session_id: SessionId,
    /// The password that was given again.
    pub current_password: Password,
    /// The client that asks.
    pub client: Client,
}

/// An owner who has given the right password, and what it was checked against.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) user: User,
    attempt: LoginAttempt,
    reservation: Reservation,
    session: SessionDigest,
    /// By what the session's user has authenticated.
    pub(super) level: SessionLevel,
    /// How often the account may be changed; counted with the change, so that only right
    /// passwords count.
    limit: Vec<LimitCheck>,
}

impl Auth {
    /// Checks the owner's password. The permit is returned for a second hash. `limits` are
    /// further ones that refuse before anything is counted.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for another password, [`AuthError::Changed`] if the
    /// account is another one by now, and what kept the password from being checked.
    pub(super) async fn reauthenticate(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        limits: Vec<LimitCheck>,
    ) -> Result<(Owner, HashPermit), AuthError> {
        let OwnerRequest {
            owner,
            session_id,
            current_password,
            client,
        } = request;
        let email = owner.email.key();
        let limit = reauthentications(&self.settings.throttle, &email);
        let limits = limits.into_iter().chain(limit.clone()).collect();
        let attempt = LoginAttempt::new(email, client);
        let verified = self.verify_password(executor, attempt, current_password, limits);
        let (checked, permit) = verified.await?;
        if checked.user.as_ref().is_none_or(|user| user.id != owner.id) {
            self.refund(checked.reservation);
            return Err(AuthError::Changed);
        }
        let RightPassword {
            user,
            attempt,
            reservation,
            outdated: _,
        } = checked.right()?;
        let owner = Owner {
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

impl Owner {
    pub(super) fn client(&self) -> &Client {
        self.attempt.client()
    }

    /// What was counted for the password.
    pub(super) fn reservation(&self) -> Reservation {
        self.reservation.clone()
    }

    /// What must still be so when the change is written.
    pub(super) fn who(&self) -> Reauthenticated<'_> {
        Reauthenticated {
            user_id: self.user.id,
            checked: &self.user.hashed_password,
            session: &self.session,
            limit: &self.limit,
        }
    }

    /// What the right password settles among the counts of attempts.
    pub(super) fn settlement(&self, auth: &Auth) -> LoginSideEffects {
        self.attempt.right(auth, &self.reservation)
    }

    /// The result of writing the change. Where nothing was written, nothing was settled either.
    pub(super) fn written(
        &self,
        written: Result<Result<(), RateLimited>, DbError>,
    ) -> Result<(), AuthError> {
        let error = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(limited)) => limited.into(),
            Err(DbError::NoResultFound) => AuthError::Changed,
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
