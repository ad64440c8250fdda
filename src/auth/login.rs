//! Logins.

use super::audit::Event;
use super::executor::Executor;
use super::password::check::RightPassword;
use super::throttle::LoginAttempt;
use super::{Auth, AuthError, EmailVerification, SecondFactorCode};
use crate::db::{DbError, NewSession};
use crate::domain::{Client, DeviceId, EmailKey, Password, SessionId, SessionLevel, User};

/// What a login ends with.
#[derive(Debug)]
pub struct LoginSuccess {
    /// For the client; it is shown here and never again.
    pub session_id: SessionId,
    /// For the client too: what it shows at later logins. None where attempts are not counted.
    pub device: Option<DeviceId>,
    /// The user who logged in.
    pub user: User,
}

impl Auth {
    /// Logs a user in: opens a session, and ends the oldest one beyond the number that a user may
    /// have. Reads, counts, hashes, and writes once. `code` is for a user who has a second factor;
    /// others are not asked for one.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] before anything is read, [`AuthError::Throttled`] before anything
    /// is hashed, [`AuthError::InvalidCredentials`] after the hash, for an unknown account too,
    /// [`AuthError::Changed`] where the stored password is another one by then,
    /// [`AuthError::EmailNotVerified`] where that is required, and
    /// [`AuthError::SecondFactorRequired`] or [`AuthError::InvalidCode`] after the right password.
    pub async fn log_in(
        &self,
        executor: &impl Executor,
        email: impl Into<EmailKey>,
        password: Password,
        code: Option<SecondFactorCode>,
        client: &Client,
    ) -> Result<LoginSuccess, AuthError> {
        let attempt = LoginAttempt::new(email.into(), client.clone());
        let verified = self.verify_password(executor, attempt, password, Vec::new());
        let (checked, permit) = verified
            .await
            .inspect_err(|cause| Event::LoginFailed { user: None, cause }.log(client))?;
        drop(permit);
        let (failure, reservation) = (checked.failure(), checked.reservation.clone());
        let opened = match checked.right() {
            Ok(right) => {
                let open = move |auth: &Self| auth.open_session(right, code.as_ref());
                executor.write(self, client, open).await
            }
            Err(wrong) => Err(wrong),
        };
        let (logged_in, replaced) = opened.inspect_err(|cause| {
            failure.log(cause, client);
            self.refund_if_ours(&reservation, cause);
        })?;
        Event::logged_in(&logged_in, replaced, client);
        Ok(logged_in)
    }

    /// Opens the session, and returns how many older ones that ended. Blocks for a write.
    fn open_session(
        &self,
        right: RightPassword,
        code: Option<&SecondFactorCode>,
    ) -> Result<(LoginSuccess, usize), AuthError> {
        let (user, reservation) = (&right.user, &right.reservation);
        let required = self.settings.email_verification == EmailVerification::Required;
        if required && self.db.email_verified_at(user.id)?.is_none() {
            let settlement = right.attempt.right(self, reservation);
            return Err(self.ask_to_verify(user, &settlement, reservation));
        }
        if let Some(code) = code
            && let Some(proof) = self.proof_of(user.id, code)?
        {
            return self.open_with_second_factor(right, None, &proof);
        }
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: user.id,
            digest: &session_id.digest(),
            client: right.attempt.client(),
            level: SessionLevel::Password,
        };
        let (settlement, device) = right.attempt.settlement(self, reservation);
        let stored = &user.hashed_password;
        let added = self.db.add_session(&new, Some(stored), &settlement);
        let added = added.map_err(|error| {
            reservation.release();
            match error {
                DbError::NoResultFound => self.ask_for_second_factor(&right),
                DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_) => error.into(),
            }
        });
        if let (Some(password), Ok(_) | Err(AuthError::SecondFactorRequired(_))) =
            (right.outdated, &added)
        {
            self.renew(right.user.clone(), password);
        }
        let logged_in = LoginSuccess {
            session_id,
            device,
            user: right.user,
        };
        Ok((logged_in, added?))
    }
}
