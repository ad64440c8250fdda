//! Setting up an authenticator app: a secret, and the code that confirms it.

use super::notice::log_locked;
use super::{Auth, AuthError, code_limit};
use crate::auth::SecondFactorPolicy;
use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::auth::throttle::refuse_waiting;
use crate::db::{SecondFactorChange, TotpConfirmation, TotpRow};
use crate::domain::{
    Client, Email, FactorChangeKind, LimitKey, RecoveryCode, RecoveryCodeDigest, SessionId,
    SessionUser, TotpCode, TotpMatch, TotpSecret, UserId,
};
use crate::secret_key::{KeyFileError, KeyRingError, Purpose};

/// The secret of an authenticator app. It is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// As a person types it into an app.
    pub secret: String,
    /// As an app reads it from a QR code.
    pub otpauth_uri: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").finish_non_exhaustive()
    }
}

impl Auth {
    /// Begins to set up an authenticator app for the owner of a session, who gives the password
    /// again. Logins do not require it before [`Auth::confirm_totp`].
    ///
    /// # Errors
    /// [`AuthError::SecondFactorOff`], [`AuthError::SecondFactorExists`],
    /// [`AuthError::InvalidCredentials`] for another password, and [`AuthError::SecretKey`] where
    /// there is no key to encrypt the secret under.
    pub async fn begin_totp(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
    ) -> Result<Enrolment, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let begun = match self.check_enrolment() {
            Ok(()) => {
                let begin = |auth: &Self, owner: &ReauthenticatedUser| auth.store_totp(owner);
                self.as_owner(executor, request, Vec::new(), begin).await
            }
            Err(off) => Err(off),
        };
        begun.inspect_err(|cause| {
            Event::reauthentication_failed(user, cause).log(&self.audit, &client);
        })
    }

    /// Confirms an authenticator app by a code of it. All other sessions end, and this one counts
    /// as opened with both factors. Returns the recovery codes, which are shown once. Reads, and
    /// writes once.
    ///
    /// # Errors
    /// [`AuthError::NoSecondFactor`] if none waits to be confirmed, [`AuthError::InvalidCode`],
    /// [`AuthError::ClockOff`] for a code of another time, and [`AuthError::RateLimited`].
    pub async fn confirm_totp(
        &self,
        executor: &impl Executor,
        (owner, session_id): (SessionUser, SessionId),
        code: &str,
        client: &Client,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let (user, code) = (owner.id, TotpCode::parse(code).ok());
        let check = {
            let owner = owner.clone();
            move |auth: &Self| auth.check_pending_totp(&owner, code.as_ref())
        };
        let checked = match executor.read(self, client, check).await {
            Ok((row, matched)) => {
                let from = client.clone();
                let store = move |auth: &Self| {
                    auth.store_confirmation((&owner, &session_id), &row, matched, &from)
                };
                executor.write(self, client, store).await
            }
            Err(cause) => Err(cause),
        };
        match &checked {
            Ok(_) => Event::second_factor_added(user).log(&self.audit, client),
            Err(cause) => Event::second_factor_refused(user, cause).log(&self.audit, client),
        }
        checked
    }

    /// The enrolment of a secret that a client was shown before; none for a text that is no secret.
    #[must_use]
    pub fn enrolment_of(&self, secret: &str, email: &Email) -> Option<Enrolment> {
        let secret = TotpSecret::from_base32(secret)?;
        Some(self.enrolment(&secret, email))
    }

    fn enrolment(&self, secret: &TotpSecret, email: &Email) -> Enrolment {
        Enrolment {
            secret: secret.to_base32(),
            otpauth_uri: secret.otpauth_uri(&self.settings.accounts.service_name, email.as_str()),
        }
    }

    pub(super) fn check_enrolment(&self) -> Result<(), AuthError> {
        match self.settings.second_factor {
            SecondFactorPolicy::Off => Err(AuthError::SecondFactorOff),
            SecondFactorPolicy::Optional | SecondFactorPolicy::Required => Ok(()),
        }
    }

    /// Stores a new secret, encrypted. Blocks for lookups and a write.
    fn store_totp(&self, owner: &ReauthenticatedUser) -> Result<Enrolment, AuthError> {
        let user = &owner.user;
        let secret = TotpSecret::generate().map_err(no_randomness)?;
        // Of several users who begin at once under a new key, the first one stores its check.
        for _ in 0..2 {
            let ring = self.keys.ring_or_create()?;
            let key_check = self.key_check(&ring)?;
            let sealed = ring.seal(Purpose::Totp(user.id), secret.as_bytes());
            let sealed = sealed.map_err(KeyFileError::from)?;
            let side_effects = owner.claim_side_effects(self);
            let stored = self
                .db
                .begin_totp(&owner.who(), &side_effects, &sealed, &key_check);
            if owner.changed(&self.audit, stored)? {
                return Ok(self.enrolment(&secret, &user.email));
            }
            if self.db.second_factors_of(user.id)?.totp.is_some() {
                return Err(AuthError::SecondFactorExists);
            }
        }
        Err(AuthError::ConcurrentChange)
    }

    /// The secret that waits to be confirmed, and the result of the code. Blocks for lookups.
    fn check_pending_totp(
        &self,
        owner: &SessionUser,
        code: Option<&TotpCode>,
    ) -> Result<(TotpRow, TotpMatch), AuthError> {
        self.check_enrolment()?;
        refuse_waiting(
            self,
            &code_limit(&self.settings.throttle, &owner.email.key()),
        )?;
        let row = self.db.totp_of(owner.id)?;
        let row = row.ok_or(AuthError::NoSecondFactor)?;
        if row.confirmed_at.is_some() {
            return Err(AuthError::SecondFactorExists);
        }
        let matched = match code {
            Some(code) => self.check_totp(owner.id, &row, code)?,
            None => TotpMatch::Wrong,
        };
        Ok((row, matched))
    }

    fn store_confirmation(
        &self,
        (owner, session_id): (&SessionUser, &SessionId),
        row: &TotpRow,
        matched: TotpMatch,
        client: &Client,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let email = owner.email.key();
        let (codes, digests) = new_recovery_codes(owner.id)?;
        let limit = self.account_code_limit(&owner.email, client);
        let noted = self.factor_notice(FactorChangeKind::TotpAdded, &owner.email, client);
        let confirmed = self.db.confirm_totp(&TotpConfirmation {
            user_id: owner.id,
            session: &session_id.digest(),
            step: match matched {
                TotpMatch::Step(step) => Some(step),
                TotpMatch::ClockOff(_) | TotpMatch::Wrong => None,
            },
            sealed: &row.sealed,
            limit: limit.limit(),
            recovery_codes: &digests,
            forget: &LimitKey::second_factor(&email),
            change: noted.change(),
        });
        match confirmed {
            Ok(SecondFactorChange::Done) => {
                self.wake_mails();
                Ok(codes)
            }
            Ok(SecondFactorChange::Wrong { is_last }) => {
                if is_last {
                    log_locked(owner.id, &self.audit, client);
                    self.wake_mails();
                }
                Err(match matched {
                    TotpMatch::ClockOff(off) => AuthError::ClockOff { behind: -off },
                    TotpMatch::Step(_) | TotpMatch::Wrong => AuthError::InvalidCode {
                        with_password: false,
                    },
                })
            }
            Ok(SecondFactorChange::Refused) => Err(AuthError::NoSecondFactor),
            Ok(SecondFactorChange::Limited(limited)) => Err(limited.into()),
            Err(error) => Err(AuthError::unless_missing(error, AuthError::NotLoggedIn)),
        }
    }
}

/// New recovery codes of a user, and their digests.
pub(super) fn new_recovery_codes(
    user_id: UserId,
) -> Result<(Vec<RecoveryCode>, Vec<RecoveryCodeDigest>), AuthError> {
    let codes = (0..RecoveryCode::COUNT).map(|_| RecoveryCode::generate());
    let codes: Vec<RecoveryCode> = codes.collect::<Result<_, _>>().map_err(no_randomness)?;
    let digests = codes.iter().map(|code| code.digest(user_id)).collect();
    Ok((codes, digests))
}

pub(super) fn no_randomness(error: getrandom::Error) -> AuthError {
    KeyFileError::from(KeyRingError::from(error)).into()
}
