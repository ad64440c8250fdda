//! Second factors: authenticator apps (TOTP) and recovery codes.
//!
//! This module checks a code against the secret. The database checks whether it was used before
//! and counts wrong codes, in the transaction that the code permits.

mod change;
mod enrolment;
mod keys;
mod login;

pub use enrolment::Enrolment;
pub use keys::KeyCheckError;

use super::throttle::ThrottleSettings;
use super::{Auth, AuthError, SecondFactorPolicy};
use crate::db::{FactorProof, LimitCheck, TotpRow};
use crate::domain::{
    LimitKey, NormalizedEmail, RecoveryCode, SessionLevel, SessionUser, TotpCode, TotpMatch,
    TotpSecret, UserId,
};
use crate::secret_key::{KeyFileError, Purpose, UnsealError};

/// A code as a client sends it, right or wrong.
#[derive(Debug, Clone)]
pub enum SecondFactorCode {
    /// Of an authenticator app; none if the text is not six digits.
    Totp(Option<TotpCode>),
    /// One of the recovery codes; none if the text cannot be one.
    Recovery(Option<RecoveryCode>),
}

impl SecondFactorCode {
    /// Takes a code of an authenticator app. A text that cannot be one is a wrong code.
    #[must_use]
    pub fn totp(text: &str) -> Self {
        Self::Totp(TotpCode::parse(text).ok())
    }

    /// Takes a recovery code. A text that cannot be one is a wrong code.
    #[must_use]
    pub fn recovery(text: &str) -> Self {
        Self::Recovery(RecoveryCode::parse(text).ok())
    }
}

/// The second factors of a user, as the account shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// The kinds that are set up: `totp`.
    pub factors: Vec<&'static str>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
}

impl Auth {
    /// The second factors of a user. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn second_factor_status(&self, user_id: UserId) -> Result<SecondFactorStatus, AuthError> {
        let held = self.db.second_factors_of(user_id)?;
        Ok(SecondFactorStatus {
            factors: held.totp.map(|_| "totp").into_iter().collect(),
            recovery_codes_left: held.recovery_codes,
        })
    }

    /// Refuses a session that may only set up a second factor. Never blocks.
    ///
    /// # Errors
    /// [`AuthError::EnrolmentRequired`] where the policy asks for a second factor that the
    /// session's user has not shown, because there is none yet.
    pub fn check_level(&self, user: &SessionUser) -> Result<(), AuthError> {
        let required = self.settings.second_factor == SecondFactorPolicy::Required;
        if required && user.level < SessionLevel::SecondFactor {
            return Err(AuthError::EnrolmentRequired);
        }
        Ok(())
    }

    /// The proof that a code gives; none for a user without a second factor. Blocks for a lookup.
    pub(super) fn proof_of(
        &self,
        user_id: UserId,
        code: &SecondFactorCode,
    ) -> Result<Option<FactorProof>, AuthError> {
        let row = self.db.totp_of(user_id)?;
        let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else {
            return Ok(None);
        };
        let proof = match code {
            SecondFactorCode::Totp(Some(code)) => match self.check_totp(user_id, &row, code)? {
                TotpMatch::Step(step) => FactorProof::Totp {
                    step,
                    sealed: row.sealed,
                },
                TotpMatch::ClockOff(_) | TotpMatch::Wrong => FactorProof::Wrong,
            },
            SecondFactorCode::Recovery(Some(code)) => {
                FactorProof::RecoveryCode(code.digest(user_id))
            }
            SecondFactorCode::Totp(None) | SecondFactorCode::Recovery(None) => FactorProof::Wrong,
        };
        Ok(Some(proof))
    }

    fn check_totp(
        &self,
        user_id: UserId,
        row: &TotpRow,
        code: &TotpCode,
    ) -> Result<TotpMatch, AuthError> {
        let secret = self.keys.unseal(Purpose::Totp(user_id), &row.sealed)?;
        let secret = TotpSecret::from_bytes(&secret);
        let secret = secret.ok_or(KeyFileError::Unseal(UnsealError::Damaged))?;
        Ok(secret.check(code, self.db.clock().now()))
    }
}

/// The limit of wrong codes of an account.
pub(super) fn code_limit(settings: &ThrottleSettings, email: &NormalizedEmail) -> Vec<LimitCheck> {
    let limit = settings
        .on
        .then(|| settings.limit_check(LimitKey::second_factor(email)));
    limit.into_iter().collect()
}
