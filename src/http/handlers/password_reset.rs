//! Handlers of password resets: requesting a mail, and setting a new password with its token.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::auth::Auth;
use crate::domain::{Client, Email, NormalizedEmail, Password, ResetToken};
use crate::http::extract::form::{FieldText, Form};
use crate::http::response::{AccountMessage, json, with_user_id};
use crate::http::{BlockingExecutor, FormError, HttpError};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResetRequestForm {
    email: FieldText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PasswordResetForm {
    email: FieldText,
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
    let typed = form.email.text("email")?;
    let email = FormError::within("email", Email::parse(typed))?;
    auth.request_reset(executor.get_ref(), &email, &client)
        .await?;
    let answer = AccountMessage {
        email: typed,
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
    let email = form.email.optional().map(NormalizedEmail::parse);
    let email = FormError::within("email", email.transpose());
    // A text that is not a token is answered like a wrong token.
    let token = form.reset_token.text("reset_token");
    let token = token.map(|text| ResetToken::parse(text).ok());
    let new = form.new_password.parse("new_password", Password::parse);
    let others = FormError::both(email, token);
    let ((email, token), new_password) =
        FormError::with_new_password(others, ("new_password", new), &auth)?;
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
