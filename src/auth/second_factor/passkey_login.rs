//! Logins by passkey: alone, or as the second factor after the right password. They need no place
//! in the queue of the hasher.

use super::{Auth, AuthError};
use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::throttle::{LOGIN_IP_LIMITS, LoginAttempt, refuse_waiting};
use crate::auth::{LoginSuccess, PasskeyRefusal};
use crate::db::{FactorProof, NewSession, PasskeyLogin, PasskeyLoginOutcome, PasskeyUse};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, Client, LimitKey, LoginToken, PasskeyChallenge, SessionId,
    SessionLevel, SessionUser, User, UserId,
};
use crate::webauthn::{AssertionCredential, RequestOptions, UserVerification};

/// A passkey beside the password, for which the authenticator may not verify its user.
const SECOND_FACTOR: (ChallengePurpose, UserVerification) =
    (ChallengePurpose::SecondFactor, UserVerification::Preferred);

/// A passkey whose signature is right, before its challenge is used up.
struct RightPasskey {
    user: User,
    attempt: LoginAttempt,
    used: PasskeyUse,
    challenge: ChallengeDigest,
}

impl Auth {
    /// Begins a login by passkey alone: any that the authenticator has for this service. Writes
    /// once.
    ///
    /// # Errors
    /// [`AuthError::PasskeysUnavailable`], and [`AuthError::RateLimited`].
    pub async fn begin_passkey_login(
        &self,
        executor: &impl Executor,
        client: &Client,
    ) -> Result<RequestOptions, AuthError> {
        let party = self.relying_party()?.clone();
        let owned = client.clone();
        let store =
            move |auth: &Self| auth.store_challenge(ChallengePurpose::Login, (None, None), &owned);
        let challenge = executor.write(self, client, store).await?;
        let (challenge, required) = (challenge.as_bytes(), UserVerification::Required);
        Ok(RequestOptions::new(&party, challenge, Vec::new(), required))
    }

    /// Begins the second step of a login by a passkey of the user whose password was right. Reads,
    /// and writes once.
    ///
    /// # Errors
    /// [`AuthError::PasskeysUnavailable`], [`AuthError::NoPendingLogin`],
    /// [`AuthError::NoSecondFactor`] for a user without a passkey, and [`AuthError::RateLimited`].
    pub async fn begin_passkey_second_factor(
        &self,
        executor: &impl Executor,
        login: Option<LoginToken>,
        client: &Client,
    ) -> Result<RequestOptions, AuthError> {
        self.relying_party()?;
        let login = login.ok_or(AuthError::NoPendingLogin)?;
        let owned = client.clone();
        let find = move |auth: &Self| Ok(auth.find_pending_login(login, owned)?.1.id);
        let user_id = executor.read(self, client, find).await?;
        self.ask_for_passkey(executor, SECOND_FACTOR, (user_id, None), client)
            .await
    }

    /// Begins to show a passkey of the owner of a session, beside the password, for a change of
    /// second factors. Reads, and writes once.
    ///
    /// # Errors
    /// [`AuthError::PasskeysUnavailable`], [`AuthError::NoSecondFactor`] for a user without a
    /// passkey, and [`AuthError::RateLimited`].
    pub async fn begin_passkey_proof(
        &self,
        executor: &impl Executor,
        owner: &SessionUser,
        client: &Client,
    ) -> Result<RequestOptions, AuthError> {
        self.ask_for_passkey(executor, SECOND_FACTOR, (owner.id, None), client)
            .await
    }

    /// Logs a user in by passkey alone, whose authenticator has verified its user: it counts as
    /// both factors. Reads, and writes once.
    ///
    /// # Errors
    /// [`AuthError::InvalidPasskey`], [`AuthError::RateLimited`], and
    /// [`AuthError::EmailNotVerified`] where the address has to be proved first.
    pub async fn log_in_with_passkey(
        &self,
        executor: &impl Executor,
        credential: &str,
        client: &Client,
    ) -> Result<LoginSuccess, AuthError> {
        let mut user_id = None;
        let logged_in = self.passkey_login(executor, credential, client, &mut user_id);
        let (logged_in, replaced) = logged_in.await.inspect_err(|cause| {
            let user = user_id;
            if let AuthError::InvalidPasskey(PasskeyRefusal::Counter) = cause
                && let Some(user) = user
            {
                Event::passkey_counter(user).log(&self.audit, client);
            }
            Event::login_failed(user, cause).log(&self.audit, client);
        })?;
        Event::log_login(&logged_in, replaced, &self.audit, client);
        Ok(logged_in)
    }

    async fn passkey_login(
        &self,
        executor: &impl Executor,
        credential: &str,
        client: &Client,
        user_id: &mut Option<UserId>,
    ) -> Result<(LoginSuccess, usize), AuthError> {
        self.relying_party()?;
        let parsed = AssertionCredential::parse(credential);
        let challenge = parsed.as_ref().ok().map(AssertionCredential::challenge);
        let challenge = challenge.map(|bytes| PasskeyChallenge::from_bytes(bytes).digest());
        let owned = client.clone();
        let check = move |auth: &Self| {
            let limits = LOGIN_IP_LIMITS.of(&owned, &auth.settings.throttle);
            refuse_waiting(auth, &limits)?;
            match parsed {
                Ok(parsed) => auth.check_passkey_login(&parsed, owned),
                Err(error) => Ok((None, Err(error.into()))),
            }
        };
        let (found, checked) = executor.read(self, client, check).await?;
        *user_id = found;
        let opened = match checked {
            Ok(right) => {
                let open = move |auth: &Self| auth.open_with_passkey(right);
                executor.write(self, client, open).await
            }
            Err(refusal) => Err(AuthError::InvalidPasskey(refusal)),
        };
        if let Err(AuthError::InvalidPasskey(_)) = &opened {
            let owned = client.clone();
            let count = move |auth: &Self| auth.count_wrong_passkey(challenge, &owned);
            executor.write(self, client, count).await?;
        }
        opened
    }

    /// Finds the passkey and its user, and checks the answer of the authenticator. Blocks for lookups.
    fn check_passkey_login(
        &self,
        credential: &AssertionCredential,
        client: Client,
    ) -> Result<(Option<UserId>, Result<RightPasskey, PasskeyRefusal>), AuthError> {
        let found = self.db.find_passkey(credential.id());
        let Some(passkey) = AuthError::optional(found)? else {
            return Ok((None, Err(PasskeyRefusal::Unknown)));
        };
        let user_id = Some(passkey.user_id);
        // A passkey that is used alone has to say whose it is.
        if credential.user_handle() != Some(passkey.user_handle.as_bytes()) {
            return Ok((user_id, Err(PasskeyRefusal::Unknown)));
        }
        let verified = self.verify_passkey(credential, &passkey, UserVerification::Required)?;
        let passkey_use = match verified {
            Ok(passkey_use) => passkey_use,
            Err(refusal) => return Ok((user_id, Err(refusal))),
        };
        let user = self.db.find_user_by(passkey.user_id)?;
        let mut attempt = LoginAttempt::new(user.email.key(), client);
        attempt.recognize(self)?;
        // Before the rate limits of the account and before an unverified address is asked for: a
        // disabled account is answered like an unknown passkey.
        let (_, is_disabled) = attempt.user(self)?;
        if is_disabled {
            return Ok((user_id, Err(PasskeyRefusal::Disabled)));
        }
        attempt.check(self)?;
        let right = RightPasskey {
            user,
            attempt,
            used: passkey_use,
            challenge: PasskeyChallenge::from_bytes(credential.challenge()).digest(),
        };
        Ok((user_id, Ok(right)))
    }

    /// What a passkey proves as second factor of a user. Blocks for a lookup.
    pub(super) fn passkey_proof(
        &self,
        user_id: UserId,
        credential: &AssertionCredential,
        client: &Client,
    ) -> Result<FactorProof, AuthError> {
        let found = self.db.find_passkey(credential.id());
        let found = AuthError::optional(found)?;
        let Some(passkey) = found.filter(|passkey| passkey.user_id == user_id) else {
            return Ok(FactorProof::Wrong);
        };
        let handle = credential.user_handle();
        if handle.is_some_and(|handle| handle != passkey.user_handle.as_bytes()) {
            return Ok(FactorProof::Wrong);
        }
        let verified = self.verify_passkey(credential, &passkey, UserVerification::Preferred)?;
        Ok(match verified {
            Ok(used) => FactorProof::Passkey {
                used,
                challenge: PasskeyChallenge::from_bytes(credential.challenge()).digest(),
            },
            Err(refusal) => {
                if refusal == PasskeyRefusal::Counter {
                    Event::passkey_counter(user_id).log(&self.audit, client);
                }
                FactorProof::Wrong
            }
        })
    }

    /// Opens a session for a passkey that is right. Blocks for a write.
    fn open_with_passkey(&self, right: RightPasskey) -> Result<(LoginSuccess, usize), AuthError> {
        let RightPasskey {
            user,
            attempt,
            used,
            challenge,
        } = right;
        self.require_verified(&user, &attempt)?;
        let session_id = SessionId::generate();
        let (side_effects, device) = attempt.claim_session_side_effects(self);
        let settings = &self.settings.throttle;
        let limit = LimitKey::logins(&user.email.key());
        let limit = settings.throttle.then(|| settings.limit_check(limit));
        let opened = self.db.log_in_with_passkey(&PasskeyLogin {
            used: &used,
            challenge: &challenge,
            session: &NewSession {
                user_id: user.id,
                digest: &session_id.digest(),
                client: &attempt.client,
                level: SessionLevel::SecondFactor,
            },
            limit: limit.as_slice(),
            side_effects: &side_effects,
        });
        match opened {
            Ok(PasskeyLoginOutcome::Opened { ended }) => {
                let logged_in = LoginSuccess {
                    session_id,
                    device,
                    user,
                };
                Ok((logged_in, ended))
            }
            Ok(PasskeyLoginOutcome::NoChallenge) => {
                Err(AuthError::InvalidPasskey(PasskeyRefusal::NoChallenge))
            }
            Ok(PasskeyLoginOutcome::Refused) => {
                Err(AuthError::InvalidPasskey(PasskeyRefusal::Counter))
            }
            Ok(PasskeyLoginOutcome::Limited(limited)) => Err(limited.into()),
            Err(error) => Err(AuthError::unless_missing(
                error,
                AuthError::InvalidPasskey(PasskeyRefusal::Unknown),
            )),
        }
    }
}
