//! The form of a change for which an owner gives the password again.

use serde::Deserialize;

use super::FieldText;

/// The password of the owner, who gives it again.
#[derive(Deserialize)]
pub(crate) struct CurrentPasswordForm {
    pub(crate) current_password: FieldText,
}
