//! The rules that a page shows before a user types: of registrations and of new passwords.

use super::{Auth, PasswordPolicyError, SecondFactorPolicy};
use crate::domain::{Email, EmailVerification, Password, Registration};

/// The rules of this service for accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRules {
    /// The shortest new password, in code points.
    pub password_min_length: usize,
    /// Whether registration is open, and what its answer reveals.
    pub registration: Registration,
    /// Whether addresses have to be proved.
    pub email_verification: EmailVerification,
    /// Whether users may, or must, have a second factor.
    pub second_factor: SecondFactorPolicy,
}

impl AccountRules {
    /// Whether a registration may open a session: it tells then that the address was free, and
    /// that it need not be proved first.
    #[must_use]
    pub fn registration_logs_in(&self) -> bool {
        self.registration == Registration::Reveal
            && self.email_verification != EmailVerification::Required
    }
}

impl Auth {
    /// The rules of this service for accounts.
    #[must_use]
    pub fn rules(&self) -> AccountRules {
        AccountRules {
            password_min_length: self.settings.password_min_length(),
            registration: self.settings.accounts.registration,
            email_verification: self.settings.accounts.email_verification,
            second_factor: self.settings.second_factor,
        }
    }

    /// Checks whether a password may become a new one of a person, as far as the address is
    /// known. The use cases that store one check it again. Does no input or output.
    ///
    /// # Errors
    /// [`PasswordPolicyError`] with the reason.
    pub fn check_new_password(
        &self,
        password: &Password,
        email: Option<&Email>,
    ) -> Result<(), PasswordPolicyError> {
        self.settings.accept(password, email)
    }
}
