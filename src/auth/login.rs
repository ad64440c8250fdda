//! Logins.

use super::audit::Event;
use super::executor::Executor;
use super::password::check::RightPassword;
use super::throttle::LoginAttempt;
use super::{Auth, AuthError, EmailVerification};
use crate::db::{DbError, NewSession};
use crate::domain::{Client, DeviceId, EmailKey, Password, SessionId, User};

/// The result of a successful login.
#[derive(Debug)]
pub struct LoginSuccess {
    /// The id of the new session, for the client. It cannot be read again.
    pub session_id: SessionId,
    /// The id for the client's device cookie. None with rate limits off.
    pub device: Option<DeviceId>,
    /// The user who logged in.
    pub user: User,
}

impl Auth {
    /// Logs a user in: checks the password, opens a session, and ends the oldest sessions beyond
    /// the allowed number.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] before anything is read, [`AuthError::Throttled`] before anything
    /// is hashed, [`AuthError::InvalidCredentials`] after the hash, also for an unknown account,
    /// [`AuthError::Changed`] if the stored password was replaced meanwhile, and
    /// [`AuthError::EmailNotVerified`] if verification is required.
    pub async fn log_in(
        &self,
        executor: &impl Executor,
        email: impl Into<EmailKey>,
        password: Password,
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
                let open = move |auth: &Self| auth.open_session(right);
                executor.write(self, client, open).await
            }
            Err(wrong) => Err(wrong),
        };
        let (logged_in, replaced) = opened.inspect_err(|cause| {
            failure.log(cause, client);
            self.refund_if_ours(&reservation, cause);
        })?;
        let (user, session) = (logged_in.user.id, &logged_in.session_id.digest());
        Event::LoggedIn { user, session }.log(client);
        Event::sessions_replaced(user, replaced, client);
        Ok(logged_in)
    }

    /// Opens the session, and returns how many older ones it has ended. Blocks for a write.
    fn open_session(&self, right: RightPassword) -> Result<(LoginSuccess, usize), AuthError> {
        let RightPassword {
            user,
            attempt,
            reservation,
            outdated,
        } = right;
        let required = self.settings.email_verification == EmailVerification::Required;
        if required && self.db.email_verified_at(user.id)?.is_none() {
            let settlement = attempt.right(self, &reservation);
            return Err(self.ask_to_verify(&user, &settlement, &reservation));
        }
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: user.id,
            digest: &session_id.digest(),
            client: attempt.client(),
        };
        let (settlement, device) = attempt.settlement(self, &reservation);
        let stored = &user.hashed_password;
        let added = self.db.add_session(&new, Some(stored), &settlement);
        let replaced = added.map_err(|error| {
            reservation.release();
            match error {
                // Not "invalid credentials": the password may be right if another login of the
                // user has just stored a rehash.
                DbError::NoResultFound => AuthError::Changed,
                DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_) => error.into(),
            }
        })?;
        if let Some(password) = outdated {
            self.renew(user.clone(), password);
        }
        let logged_in = LoginSuccess {
            session_id,
            device,
            user,
        };
        Ok((logged_in, replaced))
    }
}
