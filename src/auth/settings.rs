//! Settings of the use cases.

use std::time::Duration;

use super::password::policy::{self, ContextWords};
use super::{PasswordPolicyError, ThrottleSettings};
use crate::domain::{
    AccountSettings, Email, Mode, Password, PasswordSettings, RETENTION_DAYS, SecondFactorPolicy,
};
use crate::webauthn::RelyingParty;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of the use cases.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The mode, by which some settings have their default.
    pub mode: Mode,
    /// What new passwords are, and how they are hashed. Stored hashes of a lower cost are rehashed
    /// at the next login.
    pub passwords: PasswordSettings,
    /// The context words of this service. A user's own address is added to them.
    pub context_words: ContextWords,
    /// Registration, verification, and what users are told.
    pub accounts: AccountSettings,
    /// Whether users may, or must, have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// The host for which passkeys are made. Without one there are none.
    pub relying_party: Option<RelyingParty>,
    /// The longest random delay of a mail, so that its time reveals nothing about other mails.
    pub mail_spread: Duration,
    /// The rate limits.
    pub throttle: ThrottleSettings,
    /// After how long audit events are removed from the database; none for never.
    pub audit_retention: Option<Duration>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            passwords: PasswordSettings::default(),
            context_words: ContextWords::default(),
            accounts: AccountSettings::default(),
            second_factor: SecondFactorPolicy::default(),
            relying_party: None,
            mail_spread: Duration::from_secs(2),
            throttle: ThrottleSettings::default(),
            audit_retention: Some(DAY * RETENTION_DAYS),
        }
    }
}

impl AuthSettings {
    /// The shortest new password, in code points. From 8 on, common passwords and passwords made of
    /// context words are refused too.
    pub(super) fn password_min_length(&self) -> usize {
        self.passwords.min_length(self.mode, self.second_factor)
    }

    /// Checks a new password of the user with this email.
    pub(super) fn accept(
        &self,
        password: &Password,
        email: Option<&Email>,
    ) -> Result<(), PasswordPolicyError> {
        let minimum = self.password_min_length();
        if password.characters() < minimum {
            Err(PasswordPolicyError::TooShort { minimum })
        } else if minimum < policy::FROM_MINIMUM {
            Ok(())
        } else {
            policy::check(password, email, &self.context_words)
        }
    }
}
