//! Logins of users who have a second factor.

use super::notice::{FactorNotice, log_locked};
use super::{Auth, AuthError, SecondFactorCode, code_limit};
use crate::auth::LoginSuccess;
use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::password_check::RightPassword;
use crate::auth::throttle::{LoginAttempt, refuse_waiting};
use crate::db::{
    DbError, FactorProof, LoginGate, NewPendingLogin, NewSession, SecondFactorLogin,
    SecondFactorLoginOutcome,
};
use crate::domain::{
    Client, FactorChangeKind, LimitKey, LoginToken, SessionId, SessionLevel, User,
};

impl Auth {
    /// Finishes a login whose password was right: checks the second factor, uses it up and opens a
    /// session. Reads, counts, and writes once.
    ///
    /// # Errors
    /// [`AuthError::NoPendingLogin`] if the login has expired, ended, or belongs to another client,
    /// [`AuthError::RateLimited`] before anything is checked, and [`AuthError::InvalidCode`].
    pub async fn log_in_with_second_factor(
        &self,
        executor: &impl Executor,
        login: Option<LoginToken>,
        code: SecondFactorCode,
        client: &Client,
    ) -> Result<LoginSuccess, AuthError> {
        let found = match login {
            Some(login) => {
                let owned = client.clone();
                let find = move |auth: &Self| auth.find_pending_login(login, owned);
                executor.read(self, client, find).await
            }
            None => Err(AuthError::NoPendingLogin),
        };
        let (login, user, mut attempt) =
            found.inspect_err(|cause| Event::login_failed(None, cause).log(&self.audit, client))?;
        let user_id = Some(user.id);
        let failed = |cause: &AuthError| {
            let user = user_id;
            Event::login_failed(user, cause).log(&self.audit, client);
        };
        let count = move |auth: &Self| {
            attempt.count(auth)?;
            Ok(RightPassword {
                user,
                attempt,
                outdated: None,
            })
        };
        let right = self.run_count_step(executor, client, count).await;
        let right = right.inspect_err(failed)?;
        let reservation = right.attempt.reservation.clone();
        let open = move |auth: &Self| {
            let proof = auth.proof_of(right.user.id, &code, &right.attempt.client)?;
            let proof = proof.ok_or(AuthError::NoPendingLogin)?;
            auth.open_with_second_factor(right, Some(&login), &proof)
        };
        let opened = executor.write(self, client, open).await;
        let (logged_in, replaced) = opened.inspect_err(|cause| {
            failed(cause);
            self.refund_if_ours(&reservation, cause);
        })?;
        Event::log_login(&logged_in, replaced, &self.audit, client);
        Ok(logged_in)
    }

    /// The kinds of second factors with which a login goes on. Blocks for lookups.
    ///
    /// # Errors
    /// [`AuthError::NoPendingLogin`], and [`AuthError::RateLimited`].
    pub fn factors_of_pending_login(
        &self,
        login: LoginToken,
        client: Client,
    ) -> Result<Vec<&'static str>, AuthError> {
        let (_, user, _) = self.find_pending_login(login, client)?;
        Ok(self.second_factor_status(user.id)?.factors)
    }

    /// Finds the login, and refuses a client that has to wait. Blocks for two lookups.
    pub(super) fn find_pending_login(
        &self,
        login: LoginToken,
        client: Client,
    ) -> Result<(LoginToken, User, LoginAttempt), AuthError> {
        let user = match self.db.find_pending_login(&login.digest(), &client) {
            Ok(user) => user,
            Err(error) => return Err(AuthError::unless_missing(error, AuthError::NoPendingLogin)),
        };
        let email = user.email.key();
        let mut attempt = LoginAttempt::new(email.clone(), client);
        attempt.recognize(self)?;
        attempt.check(self)?;
        refuse_waiting(self, &code_limit(&self.settings.throttle, &email))?;
        Ok((login, user, attempt))
    }

    /// Opens a session for a user whose password was right, if the second factor is right too.
    /// `login` is the pending login; without one, the password was in the same request. Blocks for
    /// a write.
    pub(in crate::auth) fn open_with_second_factor(
        &self,
        right: RightPassword,
        login: Option<&LoginToken>,
        proof: &FactorProof,
    ) -> Result<(LoginSuccess, usize), AuthError> {
        let RightPassword {
            user,
            attempt,
            outdated,
        } = right;
        let (email, digest) = (user.email.key(), login.map(LoginToken::digest));
        let client = &attempt.client;
        let session_id = SessionId::generate();
        let (mut side_effects, device) = attempt.claim_session_side_effects(self);
        side_effects.forget.push(LimitKey::second_factor(&email));
        let limit = self.account_code_limit(&user.email, client);
        let noted = match proof {
            FactorProof::RecoveryCode(_) => {
                let kind = FactorChangeKind::RecoveryCodeUsed;
                Some(self.factor_notice(kind, &user.email, client))
            }
            FactorProof::Totp { .. } | FactorProof::Passkey { .. } | FactorProof::Wrong => None,
        };
        let outcome = self.db.log_in_with_second_factor(&SecondFactorLogin {
            gate: match &digest {
                Some(login) => LoginGate::Pending(login, client),
                None => LoginGate::Password(&user.hashed_password),
            },
            proof,
            session: &NewSession {
                user_id: user.id,
                digest: &session_id.digest(),
                client,
                level: SessionLevel::SecondFactor,
            },
            limit: limit.limit(),
            side_effects: &side_effects,
            change: noted.as_ref().map(FactorNotice::change),
        });
        let refused = match outcome {
            Ok(SecondFactorLoginOutcome::Opened { ended }) => {
                if let FactorProof::RecoveryCode(_) = proof {
                    Event::recovery_code_used(user.id).log(&self.audit, client);
                    self.wake_mails();
                }
                if let Some(password) = outdated {
                    self.renew(user.clone(), password);
                }
                let logged_in = LoginSuccess {
                    session_id,
                    device,
                    user,
                };
                return Ok((logged_in, ended));
            }
            Ok(SecondFactorLoginOutcome::Wrong { is_last }) => {
                if is_last {
                    log_locked(user.id, &self.audit, client);
                    self.wake_mails();
                }
                let with_password = login.is_none();
                AuthError::InvalidCode { with_password }
            }
            Ok(SecondFactorLoginOutcome::Limited(limited)) => limited.into(),
            Err(DbError::NoResultFound) if login.is_some() => AuthError::NoPendingLogin,
            Err(error) => AuthError::unless_missing(error, AuthError::ConcurrentChange),
        };
        // Nothing was settled.
        attempt.reservation.release();
        Err(refused)
    }

    /// Stores that the password was right, so that the client can continue with a second factor.
    /// Blocks for a write. [`AuthError::ConcurrentChange`] if the account was changed meanwhile.
    pub(in crate::auth) fn ask_for_second_factor(&self, right: &RightPassword) -> AuthError {
        let login = LoginToken::generate();
        let new = NewPendingLogin {
            user_id: right.user.id,
            checked: &right.user.hashed_password,
            digest: &login.digest(),
            client: &right.attempt.client,
        };
        let side_effects = right.attempt.claim_side_effects(self);
        let error = match self.db.add_pending_login(&new, &side_effects) {
            Ok(()) => return AuthError::SecondFactorRequired(login),
            Err(error) => AuthError::unless_missing(error, AuthError::ConcurrentChange),
        };
        right.attempt.reservation.release();
        error
    }
}
