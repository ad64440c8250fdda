//! The forms with which a second factor is shown.

use serde::Deserialize;

use super::FieldText;
use crate::auth::{OwnerRequest, SecondFactorCode};
use crate::domain::{Client, SessionId, SessionUser};
use crate::http::FormError;

/// A code of an authenticator app, a recovery code, or a passkey.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CodeForm {
    otp: FieldText,
    recovery_code: FieldText,
    credential: FieldText,
}

impl CodeForm {
    /// The second factor that was sent, if one was.
    pub(crate) fn code(&self) -> Option<SecondFactorCode> {
        code(&self.otp, &self.recovery_code, &self.credential)
    }
}

/// The password and a second factor, to change the factors.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProofForm {
    current_password: FieldText,
    otp: FieldText,
    recovery_code: FieldText,
    credential: FieldText,
}

impl ProofForm {
    /// The second factor that was sent, if one was.
    pub(crate) fn code(&self) -> Option<SecondFactorCode> {
        code(&self.otp, &self.recovery_code, &self.credential)
    }

    /// The request of the owner.
    pub(crate) fn into_request(
        self,
        (owner, session_id): (SessionUser, SessionId),
        client: Client,
    ) -> Result<OwnerRequest, FormError> {
        Ok(OwnerRequest {
            owner,
            session_id,
            current_password: self.current_password.current_password()?,
            client,
        })
    }
}

/// The second factor of the first field that was sent.
fn code(
    otp: &FieldText,
    recovery_code: &FieldText,
    credential: &FieldText,
) -> Option<SecondFactorCode> {
    let otp = otp.optional().map(SecondFactorCode::totp);
    let recovery_code = || recovery_code.optional().map(SecondFactorCode::recovery);
    let passkey = || credential.optional().map(SecondFactorCode::passkey);
    otp.or_else(recovery_code).or_else(passkey)
}
