//! Handlers of second factors: the second step of a login, authenticator apps, recovery codes.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::account::CurrentPassword;
use super::sessions::opened;
use crate::auth::{Auth, OwnerRequest, SecondFactorCode};
use crate::domain::{Client, Password, RecoveryCode};
use crate::http::extract::current_user::{CurrentUser, EnrollingUser};
use crate::http::extract::form::{Fields, Form, FormError, FromFields};
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::response::{Nothing, json};
use crate::http::{BlockingExecutor, HttpError, HttpSettings, qr_code};

/// A code of an authenticator app, or a recovery code.
pub(crate) struct Code(SecondFactorCode);

impl FromFields for Code {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        if let Some(code) = otp(fields) {
            return Ok(Self(code));
        }
        let code = fields.optional("recovery_code");
        let code = code.ok_or(FormError::Missing("otp"))?;
        Ok(Self(SecondFactorCode::recovery(&code)))
    }
}

/// The code of an authenticator app, where a form has one.
pub(super) fn otp(fields: &mut Fields) -> Option<SecondFactorCode> {
    let code = fields.optional("otp")?;
    Some(SecondFactorCode::totp(&code))
}

/// The code that confirms an authenticator app.
pub(crate) struct NewCode(zeroize::Zeroizing<String>);

impl FromFields for NewCode {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        Ok(Self(fields.required("otp")?))
    }
}

/// The password and a second factor, to remove the factor.
pub(crate) struct Removal {
    current: Password,
    code: SecondFactorCode,
}

impl FromFields for Removal {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let current = fields.required("current_password")?;
        Ok(Self {
            current: Password::parse(&current)?,
            code: Code::from_fields(fields)?.0,
        })
    }
}

/// What an authenticator app has to know.
#[derive(Serialize)]
struct NewTotp<'a> {
    secret: &'a str,
    otpauth_uri: &'a str,
    qr_svg: Option<String>,
}

#[derive(Serialize)]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// `POST /sessions/second_factor`
pub(crate) async fn log_in(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    login: LoginCookie,
    Form(Code(code)): Form<Code>,
) -> Result<HttpResponse, HttpError> {
    let executor = executor.get_ref();
    let logged_in = auth.log_in_with_second_factor(executor, login.0, code, &client);
    let mut answer = HttpResponse::Ok();
    answer.cookie(LoginCookie::clearing(&settings));
    Ok(opened(&logged_in.await?, answer, &settings))
}

/// `POST /account/totp`
pub(crate) async fn begin_totp(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    EnrollingUser(user): EnrollingUser<Form<CurrentPassword>>,
) -> Result<HttpResponse, HttpError> {
    let (request, ()) = owner_request(user, client, |Form(CurrentPassword(current))| (current, ()));
    let begun = auth.begin_totp(executor.get_ref(), request).await?;
    let new = NewTotp {
        secret: &begun.secret,
        otpauth_uri: &begun.otpauth_uri,
        qr_svg: qr_code::svg(&begun.otpauth_uri),
    };
    Ok(json(StatusCode::OK, &new))
}

/// `PUT /account/totp`
pub(crate) async fn confirm_totp(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    EnrollingUser(user): EnrollingUser<Form<NewCode>>,
) -> Result<HttpResponse, HttpError> {
    let Form(NewCode(code)) = user.rest;
    let owner = (user.user, user.session_id);
    let confirmed = auth.confirm_totp(executor.get_ref(), owner, &code, &client);
    Ok(recovery_codes(&confirmed.await?))
}

/// `DELETE /account/totp`
pub(crate) async fn remove_totp(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    user: CurrentUser<Form<Removal>>,
) -> Result<HttpResponse, HttpError> {
    let (request, code) = owner_request(user, client, |Form(Removal { current, code })| {
        (current, code)
    });
    auth.remove_totp(executor.get_ref(), request, code).await?;
    Ok(json(StatusCode::OK, &Nothing {}))
}

/// `POST /account/recovery_codes`
pub(crate) async fn replace_recovery_codes(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    user: CurrentUser<Form<CurrentPassword>>,
) -> Result<HttpResponse, HttpError> {
    let (request, ()) = owner_request(user, client, |Form(CurrentPassword(current))| (current, ()));
    let replaced = auth.replace_recovery_codes(executor.get_ref(), request);
    Ok(recovery_codes(&replaced.await?))
}

/// The request of an owner, and what else the form has.
fn owner_request<F, T>(
    user: CurrentUser<F>,
    client: Client,
    split: impl FnOnce(F) -> (Password, T),
) -> (OwnerRequest, T) {
    let (current_password, others) = split(user.rest);
    let request = OwnerRequest {
        owner: user.user,
        session_id: user.session_id,
        current_password,
        client,
    };
    (request, others)
}

fn recovery_codes(codes: &[RecoveryCode]) -> HttpResponse {
    let recovery_codes = codes.iter().map(RecoveryCode::expose).collect();
    json(StatusCode::OK, &RecoveryCodes { recovery_codes })
}
