//! Settings of the use cases.

use std::time::Duration;

use super::password::policy::{self, ContextWords};
use super::{EmailVerification, Notification, PasswordPolicyError, Registration, ThrottleSettings};
use crate::domain::{BcryptCost, Email, HashingSettings, Password, SecondFactorPolicy, defaults};
use crate::webauthn::RelyingParty;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of the use cases.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The cost of new hashes. Stored hashes of a lower cost are rehashed at the next login.
    pub bcrypt_cost: BcryptCost,
    /// The shortest new password, in code points. From 8 on, common passwords and passwords
    /// made of context words are refused too.
    pub password_min_length: usize,
    /// The context words of this service. A user's own address is added to them.
    pub context_words: ContextWords,
    /// Whether users may register.
    pub registration: Registration,
    /// Whether addresses have to be verified.
    pub email_verification: EmailVerification,
    /// Whether users may, or must, have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// The name of the service in authenticator apps and for passkeys.
    pub service_name: String,
    /// The host for which passkeys are made. Without one there are none.
    pub relying_party: Option<RelyingParty>,
    /// The notifications that owners get.
    pub notices: NotificationSettings,
    /// The hashing threads and their queue.
    pub hashing: HashingSettings,
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
            bcrypt_cost: BcryptCost::default(),
            password_min_length: defaults::PASSWORD_MIN_LENGTH,
            context_words: ContextWords::default(),
            registration: Registration::default(),
            email_verification: EmailVerification::default(),
            second_factor: SecondFactorPolicy::default(),
            service_name: "Bienvenue".to_owned(),
            relying_party: None,
            notices: NotificationSettings::default(),
            hashing: HashingSettings::default(),
            mail_spread: Duration::from_secs(2),
            throttle: ThrottleSettings::default(),
            audit_retention: Some(DAY * defaults::AUDIT_RETENTION),
        }
    }
}

impl AuthSettings {
    /// Checks a new password of the user with this email.
    pub(super) fn accept(
        &self,
        password: &Password,
        email: Option<&Email>,
    ) -> Result<(), PasswordPolicyError> {
        let minimum = self.password_min_length;
        if password.characters() < minimum {
            Err(PasswordPolicyError::TooShort { minimum })
        } else if minimum < policy::FROM_MINIMUM {
            Ok(())
        } else {
            policy::check(password, email, &self.context_words)
        }
    }
}

/// The events about which owners are notified by mail. The default is all events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings(Vec<Notification>);

impl NotificationSettings {
    /// Only these events.
    #[must_use]
    pub fn only(of: impl IntoIterator<Item = Notification>) -> Self {
        Self(of.into_iter().collect())
    }

    pub(in crate::auth) fn tell(&self, of: Notification) -> bool {
        self.0.contains(&of)
    }
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self::only(defaults::NOTIFICATIONS)
    }
}
