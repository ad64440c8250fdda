//! The forms with which a second factor is shown.

use serde::Deserialize;

use super::FieldText;
use crate::auth::{OwnerRequest, SecondFactorCode};
use crate::domain::{Client, Password, SessionId, SessionUser};
use crate::http::FormError;

/// A code of an authenticator app, a recovery code, or a passkey.
#[derive(Deserialize)]
pub(crate) struct CodeForm {
    otp: Option<FieldText>,
    recovery_code: Option<FieldText>,
    credential: Option<FieldText>,
}

impl CodeForm {
    /// The second factor that was sent, if one was.
    pub(crate) fn code(&self) -> Option<SecondFactorCode> {
        match (&self.otp, &self.recovery_code, &self.credential) {
            (Some(otp), _, _) => Some(SecondFactorCode::totp(otp.as_str())),
            (_, Some(code), _) => Some(SecondFactorCode::recovery(code.as_str())),
            (_, _, Some(passkey)) => Some(SecondFactorCode::passkey(passkey.as_str())),
            (None, None, None) => None,
        }
    }
}

/// The password and a second factor, to change the factors.
#[derive(Deserialize)]
pub(crate) struct ProofForm {
    current_password: FieldText,
    otp: Option<FieldText>,
    recovery_code: Option<FieldText>,
    credential: Option<FieldText>,
}

impl ProofForm {
    /// The request of the owner, and the second factor that was sent, if one was.
    pub(crate) fn into_request(
        self,
        (owner, session_id): (SessionUser, SessionId),
        client: Client,
    ) -> Result<(OwnerRequest, Option<SecondFactorCode>), FormError> {
        let code = CodeForm {
            otp: self.otp,
            recovery_code: self.recovery_code,
            credential: self.credential,
        }
        .code();
        let request = OwnerRequest {
            owner,
            session_id,
            current_password: self
                .current_password
                .parse("current_password", Password::parse)?,
            client,
        };
        Ok((request, code))
    }
}
