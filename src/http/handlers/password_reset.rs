//! Handlers of password resets: requesting a mail, and setting a new password with its token.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::auth::Auth;
use crate::domain::{Client, Email, NormalizedEmail, Password, ResetToken};
use crate::http::extract::form::{FieldText, Form};
use crate::http::response::{AccountMessage, json, with_user_id};
use crate::http::{BlockingExecutor, FormError, HttpError};

#[derive(Deserialize)]
pub(crate) struct ResetRequestForm {
    email: FieldText,
}

#[derive(Deserialize)]
pub(crate) struct PasswordResetForm {
    email: Option<FieldText>,
    reset_token: FieldText,
    new_password: FieldText,
}

/// `POST /reset_password`
pub(crate) async fn request(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    Form(form): Form<ResetRequestForm>,
) -> Result<HttpResponse, HttpError> {
    let email = FormError::within("email", Email::parse(form.email.as_str()))?;
    auth.request_reset(executor.get_ref(), &email, &client)
        .await?;
    let answer = AccountMessage {
        email: form.email.as_str(),
        message: "if this address is registered, a mail is on its way",
    };
    Ok(json(StatusCode::OK, &answer))
}

/// `PUT /reset_password`
pub(crate) async fn reset(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    Form(form): Form<PasswordResetForm>,
) -> Result<HttpResponse, HttpError> {
    let email = form
        .email
        .map(|email| email.parse("email", NormalizedEmail::parse));
    let email = email.transpose()?;
    // A text that is not a token is answered like a wrong token.
    let token = ResetToken::parse(form.reset_token.as_str()).ok();
    let new_password = form.new_password.parse("new_password", Password::parse)?;
    let executor = executor.get_ref();
    let user = auth
        .reset_password(executor, email, token, new_password, &client)
        .await
        .map_err(|error| HttpError::of_new_password("new_password", error))?;
    let answer = AccountMessage {
        email: user.email.as_str(),
        message: "Password updated",
    };
    Ok(with_user_id(user.id, json(StatusCode::OK, &answer)))
}
