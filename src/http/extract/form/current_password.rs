//! The form of a change for which an owner gives the password again.

use serde::Deserialize;

use super::FieldText;
use crate::domain::Password;
use crate::http::FormError;

/// The password that the owner gives again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CurrentPasswordForm {
    current_password: FieldText,
}

impl CurrentPasswordForm {
    /// The password, and nothing else.
    pub(crate) fn read(self) -> Result<(Password, ()), FormError> {
        Ok((self.current_password.current_password()?, ()))
    }
}

impl FieldText {
    /// The value of the field `current_password`.
    pub(crate) fn current_password(self) -> Result<Password, FormError> {
        self.parse("current_password", Password::parse)
    }
}
