//! Changes of second factors by their owner or an operator, with notifications to the owner.

use super::enrolment::new_recovery_codes;
use super::notice::log_locked;
use super::{Auth, AuthError, SecondFactorCode, code_limit};
use crate::auth::audit::{AuditTrail, Event};
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::db::{DbError, SecondFactorChange};
use crate::domain::{Client, FactorChangeKind, LimitKey, RecoveryCode, User, UserId};

/// How many users are read at a time.
const RESET_PAGE: u32 = 1000;

impl Auth {
    /// Removes the authenticator app and the recovery codes of an owner who gives the password and
    /// a second factor. All other sessions end, and this one counts as opened by password alone.
    ///
    /// # Errors
    /// [`AuthError::NoSecondFactor`], and [`AuthError::InvalidCredentials`] or
    /// [`AuthError::InvalidCode`], whose answers to the client are the same.
    pub async fn remove_totp(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        code: SecondFactorCode,
    ) -> Result<(), AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let limit = code_limit(&self.settings.throttle, &request.owner.email.key());
        let remove = move |auth: &Self, owner: &ReauthenticatedUser| auth.delete_totp(owner, &code);
        let removed = self.as_owner(executor, request, limit, remove).await;
        match &removed {
            Ok(()) => Event::second_factor_removed(user).log(&self.audit, &client),
            Err(cause) => Event::reauthentication_failed(user, cause).log(&self.audit, &client),
        }
        removed
    }

    /// Replaces the recovery codes of an owner who gives the password again. The old codes become
    /// invalid. All other sessions end.
    ///
    /// # Errors
    /// [`AuthError::NoSecondFactor`], and [`AuthError::InvalidCredentials`] for another password.
    pub async fn replace_recovery_codes(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let replace = |auth: &Self, owner: &ReauthenticatedUser| auth.store_recovery_codes(owner);
        let replaced = self.as_owner(executor, request, Vec::new(), replace).await;
        match &replaced {
            Ok(_) => Event::recovery_codes_replaced(user).log(&self.audit, &client),
            Err(cause) => Event::reauthentication_failed(user, cause).log(&self.audit, &client),
        }
        replaced
    }

    /// Removes the second factors of a user for the operator, or of all users, ends their sessions,
    /// and notifies them. If no factor is left, the database forgets the secret key, so that a new
    /// one can be used.
    /// Returns the users who had factors. Blocks for one write for each user.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such user.
    pub fn reset_second_factors(&self, user: Option<&User>) -> Result<Vec<UserId>, AuthError> {
        if let Some(user) = user {
            let removed = self.reset_factors_of(user)?;
            return Ok(removed.then_some(user.id).into_iter().collect());
        }
        let mut reset = Vec::new();
        loop {
            let users = self
                .db
                .users_with_second_factor(reset.last().copied(), RESET_PAGE)?;
            if users.is_empty() {
                break;
            }
            for user in users {
                self.reset_factors_of(&self.db.find_user_by(user)?)?;
                reset.push(user);
            }
        }
        self.db.forget_secret_key()?;
        Ok(reset)
    }

    fn reset_factors_of(&self, user: &User) -> Result<bool, AuthError> {
        let forget = LimitKey::second_factor(&user.email.key());
        let client = Client::default();
        let noted = self.factor_notice(FactorChangeKind::Reset, &user.email, &client);
        let reset = self
            .db
            .reset_second_factors(user.id, &forget, &noted.change());
        Ok(reset?)
    }

    fn delete_totp(
        &self,
        owner: &ReauthenticatedUser,
        code: &SecondFactorCode,
    ) -> Result<(), AuthError> {
        let email = &owner.user.email;
        let id = owner.user.id;
        if self.db.second_factors_of(id)?.totp.is_none() {
            return Err(AuthError::NoSecondFactor);
        }
        let proof = self.proof_of(id, code, owner.client())?;
        let proof = proof.ok_or(AuthError::NoSecondFactor)?;
        let mut side_effects = owner.claim_side_effects(self);
        side_effects
            .forget
            .push(LimitKey::second_factor(&email.key()));
        let limit = self.account_code_limit(email, owner.client());
        let noted = self.factor_notice(FactorChangeKind::TotpRemoved, email, owner.client());
        let removed = self.db.remove_totp(
            &owner.who(),
            (&proof, limit.limit()),
            &side_effects,
            &noted.change(),
        );
        if !owner.changed(&self.audit, removed)? {
            return Err(AuthError::NoSecondFactor);
        }
        self.wake_mails();
        Ok(())
    }

    fn store_recovery_codes(
        &self,
        owner: &ReauthenticatedUser,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let (codes, digests) = new_recovery_codes(owner.user.id)?;
        let side_effects = owner.claim_side_effects(self);
        let kind = FactorChangeKind::RecoveryCodesReplaced;
        let noted = self.factor_notice(kind, &owner.user.email, owner.client());
        let who = owner.who();
        let replaced =
            self.db
                .replace_recovery_codes(&who, &side_effects, &digests, &noted.change());
        if !owner.changed(&self.audit, replaced)? {
            return Err(AuthError::NoSecondFactor);
        }
        self.wake_mails();
        Ok(codes)
    }
}

impl ReauthenticatedUser {
    /// Whether a change of second factors was made. If nothing was written, no reservation was
    /// settled either.
    pub(super) fn changed(
        &self,
        trail: &AuditTrail,
        written: Result<SecondFactorChange, DbError>,
    ) -> Result<bool, AuthError> {
        let error = match written {
            Ok(SecondFactorChange::Done) => return Ok(true),
            Ok(SecondFactorChange::Refused) => return Ok(false),
            Ok(SecondFactorChange::Wrong { is_last }) => {
                if is_last {
                    log_locked(self.user.id, trail, self.client());
                }
                let with_password = true;
                AuthError::InvalidCode { with_password }
            }
            Ok(SecondFactorChange::Limited(limited)) => limited.into(),
            Err(error) => AuthError::unless_missing(error, AuthError::ConcurrentChange),
        };
        self.reservation().release();
        Err(error)
    }
}
