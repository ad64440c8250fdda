//! Logins.

use super::audit::Event;
use super::executor::Executor;
use super::password_check::RightPassword;
use super::throttle::LoginAttempt;
use super::{Auth, AuthError, LoginSuccess, SecondFactorCode};
use crate::db::{NewSession, SessionError};
use crate::domain::{Client, NormalizedEmail, Password, SessionId, SessionLevel, User};

impl Auth {
    /// Logs a user in: checks the password and, if the user has one, the second factor by `code`;
    /// opens a session, and ends the oldest sessions beyond the allowed number.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] before anything is counted, [`AuthError::RateLimited`] before anything
    /// is hashed, [`AuthError::InvalidCredentials`] after the hash, also for an unknown account,
    /// [`AuthError::ConcurrentChange`] if the stored password was replaced meanwhile,
    /// [`AuthError::EmailNotVerified`] if verification is required, and
    /// [`AuthError::SecondFactorRequired`] or [`AuthError::InvalidCode`] after the right password.
    pub async fn log_in(
        &self,
        executor: &impl Executor,
        email: impl Into<NormalizedEmail>,
        password: Password,
        code: Option<SecondFactorCode>,
        client: &Client,
    ) -> Result<LoginSuccess, AuthError> {
        let attempt = LoginAttempt::new(email.into(), client.clone());
        let verified = self.verify_password(executor, attempt, password, Vec::new());
        let (mut checked, permit) = verified
            .await
            .inspect_err(|cause| Event::login_failed(None, cause).log(&self.audit, client))?;
        drop(permit);
        let opened = match checked.right.take() {
            Some(right) => {
                let open = move |auth: &Self| auth.open_session(right, code.as_ref());
                executor.write(self, client, open).await
            }
            None => Err(AuthError::InvalidCredentials),
        };
        let (logged_in, replaced) =
            opened.inspect_err(|cause| self.end_failed_login(&checked, cause, client))?;
        Event::log_login(&logged_in, replaced, &self.audit, client);
        Ok(logged_in)
    }

    /// Logs in a user who has registered a moment ago, and whose password was stored then.
    ///
    /// # Errors
    /// [`AuthError::ConcurrentChange`] where the account is another one by now,
    /// [`AuthError::EmailNotVerified`] where the address has to be proved first, and
    /// [`AuthError::SecondFactorRequired`] where the account has a second factor by now.
    pub async fn log_in_registered(
        &self,
        executor: &impl Executor,
        user: User,
        client: &Client,
    ) -> Result<LoginSuccess, AuthError> {
        let id = user.id;
        let right = RightPassword {
            attempt: LoginAttempt::new(user.email.key(), client.clone()),
            outdated: None,
            user,
        };
        let open = move |auth: &Self| auth.open_session(right, None);
        let opened = executor.write(self, client, open).await;
        let (logged_in, replaced) = opened.inspect_err(|cause| {
            let user = Some(id);
            Event::login_failed(user, cause).log(&self.audit, client);
        })?;
        Event::log_login(&logged_in, replaced, &self.audit, client);
        Ok(logged_in)
    }

    /// Opens the session, and returns how many older ones it has ended. Blocks for a write.
    fn open_session(
        &self,
        right: RightPassword,
        code: Option<&SecondFactorCode>,
    ) -> Result<(LoginSuccess, usize), AuthError> {
        let (user, attempt) = (&right.user, &right.attempt);
        self.require_verified(user, attempt)?;
        if let Some(code) = code
            && let Some(proof) = self.proof_of(user.id, code, &attempt.client)?
        {
            return self.open_with_second_factor(right, None, &proof);
        }
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: user.id,
            digest: &session_id.digest(),
            client: &attempt.client,
            level: SessionLevel::Password,
        };
        let (side_effects, device) = attempt.claim_session_side_effects(self);
        let checked = Some(&user.hashed_password);
        let added = self.db.add_session(&new, checked, &side_effects);
        let ended = added.map_err(|error| {
            attempt.reservation.release();
            match error {
                SessionError::SecondFactorRequired => self.ask_for_second_factor(&right),
                // Not "invalid credentials": where a login of the same user has just stored a new
                // hash, the password is as right as before.
                SessionError::NoSuchUser
                | SessionError::Disabled
                | SessionError::PasswordReplaced => AuthError::ConcurrentChange,
                SessionError::Db(error) => error.into(),
            }
        });
        if let (Some(password), Ok(_) | Err(AuthError::SecondFactorRequired(_))) =
            (right.outdated, &ended)
        {
            self.renew(right.user.clone(), password);
        }
        let logged_in = LoginSuccess {
            session_id,
            device,
            user: right.user,
        };
        Ok((logged_in, ended?))
    }
}
