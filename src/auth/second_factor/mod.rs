//! Second factors: authenticator apps (TOTP), passkeys and recovery codes.
//!
//! This module checks a code against the secret. The database checks whether it was used before
//! and counts wrong codes, in the transaction that the code permits.

mod change;
mod enrolment;
mod keys;
mod login;
mod notice;
mod passkey_check;
mod passkey_login;
mod passkeys;

pub use enrolment::Enrolment;
pub use keys::KeyCheckError;
pub use passkeys::{NewPasskeyAnswer, PasskeyAdded};

use super::throttle::ThrottleSettings;
use super::{Auth, AuthError, SecondFactorPolicy};
use crate::db::{FactorProof, LimitCheck, SecondFactors, TotpRow};
use crate::domain::{
    App, Client, FactorChange, LimitKey, NormalizedEmail, RecoveryCode, SessionLevel, SessionUser,
    Timestamp, TotpCode, TotpMatch, TotpSecret, UserId,
};
use crate::secret_key::{KeyFileError, Purpose, UnsealError};
use crate::webauthn::AssertionCredential;

/// A code as a client sends it, right or wrong.
#[derive(Debug, Clone)]
pub enum SecondFactorCode {
    /// Of an authenticator app; none if the text is not six digits.
    Totp(Option<TotpCode>),
    /// One of the recovery codes; none if the text cannot be one.
    Recovery(Option<RecoveryCode>),
    /// A passkey; none if the text cannot be the JSON of one.
    Passkey(Option<Box<AssertionCredential>>),
}

impl SecondFactorCode {
    /// Takes a code of an authenticator app. A text that cannot be one is a wrong code.
    #[must_use]
    pub fn totp(text: &str) -> Self {
        Self::Totp(TotpCode::parse(text).ok())
    }

    /// Takes a code of an authenticator app or, where a client says so, a recovery code.
    #[must_use]
    pub fn of_kind(is_recovery: bool, text: &str) -> Self {
        if is_recovery {
            Self::recovery(text)
        } else {
            Self::totp(text)
        }
    }

    /// Takes a recovery code. A text that cannot be one is a wrong code.
    #[must_use]
    pub fn recovery(text: &str) -> Self {
        Self::Recovery(RecoveryCode::parse(text).ok())
    }
}

impl SecondFactorCode {
    /// Takes the JSON of a passkey. A text that cannot be one is a wrong code.
    #[must_use]
    pub fn passkey(text: &str) -> Self {
        Self::Passkey(AssertionCredential::parse(text).ok().map(Box::new))
    }
}

/// The second factors of a user, as the account shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// The kinds that are set up: `totp`, `passkey`.
    pub factors: Vec<&'static str>,
    /// Since when there is an authenticator app, if there is one.
    pub totp_since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
}

/// The second factors of a user, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactorDetails {
    /// What is set up.
    pub status: SecondFactorStatus,
    /// The latest changes, newest first.
    pub changes: Vec<FactorChange>,
}

/// How many changes an owner is shown.
const CHANGES_SHOWN: u32 = 20;

impl Auth {
    /// The second factors of a user. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn second_factor_status(&self, user_id: UserId) -> Result<SecondFactorStatus, AuthError> {
        let held = self.db.second_factors_of(user_id)?;
        Ok(SecondFactorStatus {
            factors: kinds(&held),
            totp_since: held.totp,
            recovery_codes_left: held.recovery_codes,
        })
    }

    /// The second factors of a user and their latest changes. Blocks for three lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn second_factor_details(&self, user_id: UserId) -> Result<SecondFactorDetails, AuthError> {
        Ok(SecondFactorDetails {
            status: self.second_factor_status(user_id)?,
            changes: self.db.factor_changes_of(user_id, CHANGES_SHOWN)?,
        })
    }

    /// Whether a session may do more than set up a second factor. Never blocks.
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

    /// Whether a session's user has shown the second factor that an application asks for. Blocks for
    /// a lookup where that is not so.
    ///
    /// # Errors
    /// [`AuthError::StepUpRequired`] for a user who has one, and
    /// [`AuthError::EnrolmentRequired`] for one who has none.
    pub(super) fn check_app_level(&self, user: &SessionUser, app: &App) -> Result<(), AuthError> {
        if !app.second_factor || user.level >= SessionLevel::SecondFactor {
            return Ok(());
        }
        if self.db.second_factors_of(user.id)?.is_due() {
            return Err(AuthError::StepUpRequired);
        }
        Err(AuthError::EnrolmentRequired)
    }

    /// The proof that a code gives; none for a user without a second factor. Blocks for lookups.
    pub(super) fn proof_of(
        &self,
        user_id: UserId,
        code: &SecondFactorCode,
        client: &Client,
    ) -> Result<Option<FactorProof>, AuthError> {
        if !self.db.second_factors_of(user_id)?.is_due() {
            return Ok(None);
        }
        let proof = match code {
            SecondFactorCode::Totp(Some(code)) => self.totp_proof(user_id, code)?,
            SecondFactorCode::Recovery(Some(code)) => {
                FactorProof::RecoveryCode(code.digest(user_id))
            }
            SecondFactorCode::Passkey(Some(credential)) => {
                self.passkey_proof(user_id, credential, client)?
            }
            SecondFactorCode::Totp(None)
            | SecondFactorCode::Recovery(None)
            | SecondFactorCode::Passkey(None) => FactorProof::Wrong,
        };
        Ok(Some(proof))
    }

    fn totp_proof(&self, user_id: UserId, code: &TotpCode) -> Result<FactorProof, AuthError> {
        let row = self.db.totp_of(user_id)?;
        let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else {
            return Ok(FactorProof::Wrong);
        };
        Ok(match self.check_totp(user_id, &row, code)? {
            TotpMatch::Step(step) => FactorProof::Totp {
                step,
                sealed: row.sealed,
            },
            TotpMatch::ClockOff(_) | TotpMatch::Wrong => FactorProof::Wrong,
        })
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

/// The names of the kinds of second factors that a user has.
fn kinds(held: &SecondFactors) -> Vec<&'static str> {
    let totp = held.totp.map(|_| "totp");
    let passkey = (held.passkeys > 0).then_some("passkey");
    totp.into_iter().chain(passkey).collect()
}

/// The limit of wrong codes of an account.
pub(super) fn code_limit(settings: &ThrottleSettings, email: &NormalizedEmail) -> Vec<LimitCheck> {
    let limit = settings
        .throttle
        .then(|| settings.limit_check(LimitKey::second_factor(email)));
    limit.into_iter().collect()
}
