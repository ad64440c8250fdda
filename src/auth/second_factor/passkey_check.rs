//! Challenges for the passkeys of a user, and the check of what an authenticator has signed.

use super::enrolment::no_randomness;
use super::passkeys::descriptor;
use super::{Auth, AuthError};
use crate::auth::PasskeyRefusal;
use crate::auth::executor::Executor;
use crate::auth::throttle::{LOGIN_IP_LIMITS, PASSKEY_IP_LIMITS};
use crate::db::{Challenge, PasskeyUse};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, Client, PasskeyChallenge, SessionDigest, StoredPasskey,
    UserId,
};
use crate::webauthn::{AssertionCredential, PublicKey, RequestOptions, UserVerification};

impl Auth {
    /// The options for one of the passkeys of a user who is known. Reads, and writes once.
    ///
    /// # Errors
    /// [`AuthError::PasskeysUnavailable`], [`AuthError::NoSecondFactor`] for a user without a
    /// passkey, and [`AuthError::RateLimited`].
    pub(in crate::auth) async fn ask_for_passkey(
        &self,
        executor: &impl Executor,
        (purpose, verification): (ChallengePurpose, UserVerification),
        (user_id, session): (UserId, Option<SessionDigest>),
        client: &Client,
    ) -> Result<RequestOptions, AuthError> {
        let party = self.relying_party()?.clone();
        let rp_id = party.id().to_owned();
        let find = move |auth: &Self| {
            let passkeys = auth.db.passkeys_for(user_id, &rp_id)?;
            if passkeys.is_empty() {
                return Err(AuthError::NoSecondFactor);
            }
            Ok(passkeys)
        };
        let passkeys = executor.read(self, client, find).await?;
        let owned = client.clone();
        let store = move |auth: &Self| {
            let of = (Some(user_id), session.as_ref());
            auth.store_challenge(purpose, of, &owned)
        };
        let challenge = executor.write(self, client, store).await?;
        let allowed = passkeys.into_iter().map(descriptor).collect();
        let challenge = challenge.as_bytes();
        Ok(RequestOptions::new(
            &party,
            challenge,
            allowed,
            verification,
        ))
    }

    /// Stores a new challenge for a user and a session, and counts the request. Blocks for a
    /// write.
    pub(super) fn store_challenge(
        &self,
        purpose: ChallengePurpose,
        (user_id, session): (Option<UserId>, Option<&SessionDigest>),
        client: &Client,
    ) -> Result<PasskeyChallenge, AuthError> {
        let challenge = PasskeyChallenge::generate().map_err(no_randomness)?;
        let new = Challenge {
            digest: &challenge.digest(),
            purpose,
            user_id,
            session,
            client,
        };
        let limits = PASSKEY_IP_LIMITS.of(client, &self.settings.throttle);
        self.db.add_challenge(&new, &limits)??;
        Ok(challenge)
    }

    /// Checks what an authenticator has signed, and that its counter has gone forward.
    pub(in crate::auth) fn verify_passkey(
        &self,
        credential: &AssertionCredential,
        passkey: &StoredPasskey,
        verification: UserVerification,
    ) -> Result<Result<PasskeyUse, PasskeyRefusal>, AuthError> {
        let party = self.relying_party()?;
        if passkey.rp_id != party.id() {
            return Ok(Err(PasskeyRefusal::Unknown));
        }
        let verified = PublicKey::parse(&passkey.public_key).and_then(|key| {
            credential.verify(party, verification, (&key, passkey.backup_eligible))
        });
        Ok(match verified {
            Ok(assertion) if !goes_forward(passkey.sign_count, assertion.sign_count) => {
                Err(PasskeyRefusal::Counter)
            }
            Ok(assertion) => Ok(PasskeyUse {
                id: passkey.id,
                sign_count: assertion.sign_count,
                backed_up: assertion.backed_up,
            }),
            Err(error) => Err(error.into()),
        })
    }

    /// Counts a passkey that was wrong like a wrong password, and uses its challenge up. Blocks
    /// for a write.
    pub(in crate::auth) fn count_wrong_passkey(
        &self,
        challenge: Option<ChallengeDigest>,
        client: &Client,
    ) -> Result<(), AuthError> {
        let limits = LOGIN_IP_LIMITS.of(client, &self.settings.throttle);
        Ok(self.db.fail_challenge(challenge.as_ref(), &limits)??)
    }
}

/// Whether a signature counter has gone forward (section 7.2 of the specification). An
/// authenticator without a counter always sends 0.
fn goes_forward(stored: u32, sent: u32) -> bool {
    sent > stored || (sent == 0 && stored == 0)
}
