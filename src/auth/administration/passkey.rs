//! The passkey of an administrator, shown instead of the password for one act.

use super::{ActOutcome, AdminAct, Administrator};
use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::throttle::{LOGIN_IP_LIMITS, admin_acts, refuse_waiting};
use crate::auth::{Auth, AuthError, PasskeyRefusal};
use crate::db::{PasskeyActOutcome, PasskeyOfAdministrator, PasskeyUse};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, Client, GroupName, PasskeyChallenge, SessionDigest, UserId,
};
use crate::webauthn::{AssertionCredential, RequestOptions, UserVerification};

/// A passkey whose signature is right, before its challenge is used up.
struct RightPasskey {
    used: PasskeyUse,
    challenge: ChallengeDigest,
}

impl Auth {
    /// Begins to show a passkey for an act: stores a challenge for the administrator's session.
    /// Reads, and writes once.
    ///
    /// # Errors
    /// [`AuthError::PasskeysUnavailable`], [`AuthError::NoSecondFactor`] for an administrator
    /// without a passkey, and [`AuthError::RateLimited`].
    pub async fn begin_passkey_act(
        &self,
        executor: &impl Executor,
        administrator: &Administrator,
        client: &Client,
    ) -> Result<RequestOptions, AuthError> {
        let asked = (ChallengePurpose::Act, UserVerification::Required);
        let session = administrator.session_id.digest();
        let of = (administrator.user.id, Some(session));
        self.ask_for_passkey(executor, asked, of, client).await
    }

    /// Carries out an act of an administrator who shows a passkey. The client is limited like
    /// one that logs in by passkey.
    pub(super) async fn act_with_passkey(
        &self,
        executor: &impl Executor,
        administrator: &Administrator,
        credential: &str,
        client: &Client,
        act: AdminAct,
    ) -> Result<ActOutcome, AuthError> {
        self.relying_party()?;
        let (admin, session) = (administrator.user.id, administrator.session_id.digest());
        let parsed = AssertionCredential::parse(credential);
        let challenge = parsed.as_ref().ok().map(AssertionCredential::challenge);
        let challenge = challenge.map(|bytes| PasskeyChallenge::from_bytes(bytes).digest());
        let owned = client.clone();
        let check = move |auth: &Self| {
            let settings = &auth.settings.throttle;
            let mut limits = LOGIN_IP_LIMITS.of(&owned, settings);
            limits.extend(admin_acts(settings, admin));
            refuse_waiting(auth, &limits)?;
            match parsed {
                Ok(parsed) => auth.check_passkey_of(admin, &parsed),
                Err(error) => Ok(Err(error.into())),
            }
        };
        let acted = match executor.read(self, client, check).await? {
            Ok(right) => {
                let owned = client.clone();
                let step = move |auth: &Self| {
                    auth.record_passkey_act(admin, &session, &right, &owned)?;
                    auth.carry_out(&act, admin, &owned)
                };
                executor.write(self, client, step).await
            }
            Err(refusal) => Err(AuthError::InvalidPasskey(refusal)),
        };
        if let Err(AuthError::InvalidPasskey(refusal)) = &acted {
            if *refusal == PasskeyRefusal::Counter {
                Event::passkey_counter(admin).log(&self.audit, client);
            }
            let owned = client.clone();
            let count = move |auth: &Self| auth.count_wrong_passkey(challenge, &owned);
            executor.write(self, client, count).await?;
        }
        acted
    }

    /// Finds the passkey, which has to be the administrator's, and checks the answer of the
    /// authenticator, which has to have verified its user. Blocks for a lookup.
    fn check_passkey_of(
        &self,
        admin: UserId,
        credential: &AssertionCredential,
    ) -> Result<Result<RightPasskey, PasskeyRefusal>, AuthError> {
        let found = AuthError::optional(self.db.find_passkey(credential.id()))?;
        let Some(passkey) = found.filter(|passkey| passkey.user_id == admin) else {
            return Ok(Err(PasskeyRefusal::Unknown));
        };
        let handle = credential.user_handle();
        if handle.is_some_and(|handle| handle != passkey.user_handle.as_bytes()) {
            return Ok(Err(PasskeyRefusal::Unknown));
        }
        let verified = self.verify_passkey(credential, &passkey, UserVerification::Required)?;
        Ok(verified.map(|used| RightPasskey {
            used,
            challenge: PasskeyChallenge::from_bytes(credential.challenge()).digest(),
        }))
    }

    /// Uses the challenge up and counts the act, if the session and the membership are still what
    /// they were. Blocks for a write.
    fn record_passkey_act(
        &self,
        admin: UserId,
        session: &SessionDigest,
        right: &RightPasskey,
        client: &Client,
    ) -> Result<(), AuthError> {
        let limit = admin_acts(&self.settings.throttle, admin);
        let shown = PasskeyOfAdministrator {
            user_id: admin,
            session,
            client,
            used: &right.used,
            challenge: &right.challenge,
            limit: &limit,
        };
        let refused = |refusal| Err(AuthError::InvalidPasskey(refusal));
        match self
            .db
            .record_administrator_by_passkey(&shown, &GroupName::admins())
        {
            Ok(PasskeyActOutcome::Recorded) => Ok(()),
            Ok(PasskeyActOutcome::NoChallenge) => refused(PasskeyRefusal::NoChallenge),
            Ok(PasskeyActOutcome::Refused) => refused(PasskeyRefusal::Counter),
            Ok(PasskeyActOutcome::Limited(limited)) => Err(limited.into()),
            Err(error) => Err(AuthError::unless_missing(
                error,
                AuthError::ConcurrentChange,
            )),
        }
    }
}
