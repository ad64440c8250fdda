//! The passkeys of an account: adding one, naming and removing it.

use super::enrolment::{new_recovery_codes, no_randomness};
use super::{Auth, AuthError, SecondFactorCode, code_limit};
use crate::auth::PasskeyRefusal;
use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::db::{
    FactorProof, LoginSideEffects, NewPasskey, NewPasskeyRegistration, PasskeyRegistration,
};
use crate::domain::{
    Client, FactorChangeKind, LimitKey, PasskeyChallenge, PasskeyId, PasskeyInfo, PasskeyName,
    RecoveryCode, SessionId, SessionUser, StoredPasskey, UserHandle,
};
use crate::webauthn::{
    CreationOptions, Descriptor, NewUser, RegistrationCredential, RelyingParty, VerifyError,
};

/// What a browser returns to add a passkey.
#[derive(Debug, Clone)]
pub struct NewPasskeyAnswer {
    /// The JSON of the credential.
    pub credential: String,
    /// The owner's name for it.
    pub name: PasskeyName,
}

/// A passkey was added.
#[derive(Debug)]
pub struct PasskeyAdded {
    /// The recovery codes of a user who had no second factor before. They are shown here and
    /// never again.
    pub recovery_codes: Option<Vec<RecoveryCode>>,
}

impl Auth {
    /// Begins to add a passkey for the owner of a session, who gives the password again, and a second
    /// factor if there is one already.
    ///
    /// # Errors
    /// [`AuthError::ProofRequired`] and [`AuthError::InvalidCode`] for a user with a second factor,
    /// [`AuthError::PasskeysUnavailable`], [`AuthError::SecondFactorOff`],
    /// [`AuthError::PasskeyExists`] for a user with too many, and
    /// [`AuthError::InvalidCredentials`] for another password.
    pub async fn begin_passkey(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        code: Option<SecondFactorCode>,
    ) -> Result<CreationOptions, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let limit = code_limit(&self.settings.throttle, &request.owner.email.key());
        let begun = match self.check_passkey_enrolment() {
            Ok(party) => {
                let begin = move |auth: &Self, owner: &ReauthenticatedUser| {
                    auth.store_registration(&party, owner, code.as_ref())
                };
                self.as_owner(executor, request, limit, begin).await
            }
            Err(off) => Err(off),
        };
        begun.inspect_err(|cause| {
            Event::reauthentication_failed(user, cause).log(&self.audit, &client);
        })
    }

    /// Adds the passkey that an authenticator has made. All other sessions end, and this one
    /// counts as opened with both factors. Writes once.
    ///
    /// # Errors
    /// [`AuthError::PasskeyNotAdded`] for an answer that is wrong or late, and
    /// [`AuthError::PasskeyExists`].
    pub async fn add_passkey(
        &self,
        executor: &impl Executor,
        (owner, session_id): (SessionUser, SessionId),
        answer: NewPasskeyAnswer,
        client: &Client,
    ) -> Result<PasskeyAdded, AuthError> {
        let user = owner.id;
        let sender = client.clone();
        let store = move |auth: &Self| auth.store_passkey(&owner, &session_id, &answer, &sender);
        let added = executor.write(self, client, store).await;
        match &added {
            Ok(_) => Event::second_factor_added(user),
            Err(cause) => Event::second_factor_refused(user, cause),
        }
        .log(&self.audit, client);
        added
    }

    /// The passkeys of a user. Blocks for a lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn passkeys(&self, owner: &SessionUser) -> Result<Vec<PasskeyInfo>, AuthError> {
        Ok(self.db.passkeys_of(owner.id)?)
    }

    /// Whether passkeys can be used here. Never blocks.
    #[must_use]
    pub fn has_passkeys(&self) -> bool {
        self.settings.relying_party.is_some()
    }

    /// Gives a passkey of a user another name. Blocks for a write.
    ///
    /// # Errors
    /// [`AuthError::NoSuchPasskey`].
    pub fn rename_passkey(
        &self,
        owner: &SessionUser,
        id: PasskeyId,
        name: &PasskeyName,
        client: &Client,
    ) -> Result<(), AuthError> {
        match self.db.rename_passkey(owner.id, id, name) {
            Ok(()) => {
                Event::passkey_renamed(owner.id).log(&self.audit, client);
                Ok(())
            }
            Err(error) => Err(AuthError::unless_missing(error, AuthError::NoSuchPasskey)),
        }
    }

    /// Removes a passkey of an owner who gives the password and a second factor. All other sessions
    /// end. Without another second factor, the recovery codes are removed too, and logins ask for
    /// the password alone.
    ///
    /// # Errors
    /// [`AuthError::NoSuchPasskey`], and [`AuthError::InvalidCredentials`],
    /// [`AuthError::ProofRequired`] or [`AuthError::InvalidCode`].
    pub async fn remove_passkey(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        id: PasskeyId,
        code: Option<SecondFactorCode>,
    ) -> Result<(), AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let limit = code_limit(&self.settings.throttle, &request.owner.email.key());
        let remove = move |auth: &Self, owner: &ReauthenticatedUser| {
            auth.delete_passkey(owner, id, code.as_ref())
        };
        let removed = self.as_owner(executor, request, limit, remove).await;
        match &removed {
            Ok(()) => Event::second_factor_removed(user),
            Err(cause) => Event::reauthentication_failed(user, cause),
        }
        .log(&self.audit, &client);
        removed
    }

    /// The host for which passkeys are made.
    pub(in crate::auth) fn relying_party(&self) -> Result<&RelyingParty, AuthError> {
        let party = self.settings.relying_party.as_ref();
        party.ok_or(AuthError::PasskeysUnavailable)
    }

    fn check_passkey_enrolment(&self) -> Result<RelyingParty, AuthError> {
        self.check_enrolment()?;
        self.relying_party().cloned()
    }

    fn store_registration(
        &self,
        party: &RelyingParty,
        owner: &ReauthenticatedUser,
        code: Option<&SecondFactorCode>,
    ) -> Result<CreationOptions, AuthError> {
        let proof = self.shown_factor(owner, code)?;
        let challenge = PasskeyChallenge::generate().map_err(no_randomness)?;
        let fresh = UserHandle::generate().map_err(no_randomness)?;
        let known = self.db.passkeys_for(owner.user.id, party.id())?;
        let side_effects = self.of_shown_factor(owner);
        let (digest, client) = (challenge.digest(), owner.client());
        let limit = self.account_code_limit(&owner.user.email, client);
        let shown = proof.as_ref().map(|proof| (proof, limit.limit()));
        let new = (&digest, client, &fresh);
        let begun = self
            .db
            .begin_passkey(&owner.who(), &side_effects, shown, new);
        let (changed, handle) = match begun {
            Ok((changed, handle)) => (Ok(changed), handle),
            Err(error) => (Err(error), fresh),
        };
        if !owner.changed(&self.audit, changed)? {
            return Err(AuthError::PasskeyExists);
        }
        let user = NewUser {
            handle: handle.as_bytes(),
            name: owner.user.email.as_str(),
        };
        let (service, challenge) = (&self.settings.accounts.service_name, challenge.as_bytes());
        let known = known.into_iter().map(descriptor).collect();
        Ok(CreationOptions::new(party, service, user, challenge, known))
    }

    fn store_passkey(
        &self,
        owner: &SessionUser,
        session_id: &SessionId,
        answer: &NewPasskeyAnswer,
        client: &Client,
    ) -> Result<PasskeyAdded, AuthError> {
        let party = self.check_passkey_enrolment()?;
        let refused = |error: VerifyError| AuthError::PasskeyNotAdded(error.into());
        let credential = RegistrationCredential::parse(&answer.credential).map_err(refused)?;
        let new = credential.verify(&party).map_err(refused)?;
        let challenge = PasskeyChallenge::from_bytes(credential.challenge());
        let (codes, digests) = new_recovery_codes(owner.id)?;
        let noted = self.factor_notice(FactorChangeKind::PasskeyAdded, &owner.email, client);
        let added = self.db.add_passkey(&NewPasskeyRegistration {
            user_id: owner.id,
            session: &session_id.digest(),
            challenge: &challenge.digest(),
            client,
            passkey: &NewPasskey {
                rp_id: party.id(),
                credential_id: &new.id,
                public_key: &new.public_key,
                sign_count: new.sign_count,
                backup: (new.backup_eligible, new.backed_up),
                transports: &new.transports,
                name: &answer.name,
            },
            recovery_codes: &digests,
            change: &noted.change(),
        });
        match added {
            Ok(PasskeyRegistration::Added { is_first }) => {
                self.wake_mails();
                let recovery_codes = is_first.then_some(codes);
                Ok(PasskeyAdded { recovery_codes })
            }
            Ok(PasskeyRegistration::NoChallenge) => {
                Err(AuthError::PasskeyNotAdded(PasskeyRefusal::NoChallenge))
            }
            Ok(PasskeyRegistration::Refused) => Err(AuthError::PasskeyExists),
            Err(error) => Err(AuthError::unless_missing(error, AuthError::NotLoggedIn)),
        }
    }

    fn delete_passkey(
        &self,
        owner: &ReauthenticatedUser,
        id: PasskeyId,
        code: Option<&SecondFactorCode>,
    ) -> Result<(), AuthError> {
        let proof = self.shown_factor(owner, code)?;
        let proof = proof.ok_or(AuthError::NoSuchPasskey)?;
        let side_effects = self.of_shown_factor(owner);
        let (email, client) = (&owner.user.email, owner.client());
        let limit = self.account_code_limit(email, client);
        let noted = self.factor_notice(FactorChangeKind::PasskeyRemoved, email, client);
        let noted = noted.change();
        let (shown, passkey) = ((&proof, limit.limit()), (id, &noted));
        let removed = self
            .db
            .remove_passkey(&owner.who(), &side_effects, shown, passkey);
        if !owner.changed(&self.audit, removed)? {
            return Err(AuthError::NoSuchPasskey);
        }
        self.wake_mails();
        Ok(())
    }
}

impl Auth {
    /// What an owner shows beside the password; none for one who has no second factor.
    fn shown_factor(
        &self,
        owner: &ReauthenticatedUser,
        code: Option<&SecondFactorCode>,
    ) -> Result<Option<FactorProof>, AuthError> {
        let id = owner.user.id;
        match code {
            Some(code) => self.proof_of(id, code, owner.client()),
            None if self.db.second_factors_of(id)?.is_due() => Err(AuthError::ProofRequired),
            None => Ok(None),
        }
    }

    /// What a right password and a right second factor settle.
    fn of_shown_factor(&self, owner: &ReauthenticatedUser) -> LoginSideEffects {
        let mut side_effects = owner.claim_side_effects(self);
        let count = LimitKey::second_factor(&owner.user.email.key());
        side_effects.forget.push(count);
        side_effects
    }
}

/// A passkey, as browsers get it.
pub(super) fn descriptor(passkey: StoredPasskey) -> Descriptor {
    Descriptor::new(&passkey.credential_id, passkey.transports)
}
