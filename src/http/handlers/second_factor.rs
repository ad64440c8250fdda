//! Handlers of second factors: the second step of a login, authenticator apps, recovery codes.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::domain::{Client, RecoveryCode};
use crate::http::extract::current_user::{CurrentUser, EnrollingUser};
use crate::http::extract::form::{CodeForm, CurrentPasswordForm, FieldText, Form, ProofForm};
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::login_response::opened;
use crate::http::response::{EmptyObject, json};
use crate::http::{BlockingExecutor, FormError, HttpError, HttpSettings, qr_code};

/// The code that confirms an authenticator app.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewCodeForm {
    otp: FieldText,
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
    Form(form): Form<CodeForm>,
) -> Result<HttpResponse, HttpError> {
    let code = form.code().ok_or(FormError::Missing("otp"))?;
    let executor = executor.get_ref();
    let logged_in = auth.log_in_with_second_factor(executor, login.0, code, &client);
    let mut answer = HttpResponse::Ok();
    answer.cookie(LoginCookie::removal(&settings));
    Ok(opened(&logged_in.await?, answer, &settings))
}

/// `POST /account/totp`
pub(crate) async fn begin_totp(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    EnrollingUser(user): EnrollingUser<Form<CurrentPasswordForm>>,
) -> Result<HttpResponse, HttpError> {
    let (request, ()) = user.owner_request(client, CurrentPasswordForm::read)?;
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
    EnrollingUser(user): EnrollingUser<Form<NewCodeForm>>,
) -> Result<HttpResponse, HttpError> {
    let Form(form) = user.rest;
    let owner = (user.user, user.session_id);
    let otp = form.otp.text("otp")?;
    let confirmed = auth.confirm_totp(executor.get_ref(), owner, otp, &client);
    Ok(recovery_codes(&confirmed.await?))
}

/// `DELETE /account/totp`
pub(crate) async fn remove_totp(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    CurrentUser {
        session_id,
        user,
        rest: Form(form),
    }: CurrentUser<Form<ProofForm>>,
) -> Result<HttpResponse, HttpError> {
    let code = form.code().ok_or(FormError::Missing("otp"));
    let request = form.into_request((user, session_id), client);
    let (request, code) = FormError::both(request, code)?;
    auth.remove_totp(executor.get_ref(), request, code).await?;
    Ok(json(StatusCode::OK, &EmptyObject {}))
}

/// `POST /account/recovery_codes`
pub(crate) async fn replace_recovery_codes(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    user: CurrentUser<Form<CurrentPasswordForm>>,
) -> Result<HttpResponse, HttpError> {
    let (request, ()) = user.owner_request(client, CurrentPasswordForm::read)?;
    let replaced = auth.replace_recovery_codes(executor.get_ref(), request);
    Ok(recovery_codes(&replaced.await?))
}

fn recovery_codes(codes: &[RecoveryCode]) -> HttpResponse {
    let recovery_codes = codes.iter().map(RecoveryCode::expose).collect();
    json(StatusCode::OK, &RecoveryCodes { recovery_codes })
}
