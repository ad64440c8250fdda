//! Handlers of email addresses: requests for a change, and mailed tokens.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::auth::{Auth, EmailLinkToken};
use crate::domain::{Client, Email};
use crate::http::extract::current_user::CurrentUser;
use crate::http::extract::form::{FieldText, Form};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::{AccountMessage, Message, json, with_user_id};
use crate::http::{BlockingExecutor, FormError, HttpError};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EmailChangeForm {
    email: FieldText,
    current_password: FieldText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenForm {
    token: FieldText,
}

/// `PUT /profile/email`
pub(crate) async fn change(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    user: CurrentUser<Form<EmailChangeForm>>,
) -> Result<HttpResponse, HttpError> {
    let (request, email) = user.owner_request(client, |form| {
        let email = form.email.parse("email", Email::parse_new);
        let current = form.current_password.current_password();
        let (email, current) = FormError::both(email, current)?;
        Ok((current, email))
    })?;
    auth.request_email_change(executor.get_ref(), request, email)
        .await?;
    let answer = Message {
        message: "if this address is free, a mail is on its way",
    };
    Ok(json(StatusCode::OK, &answer))
}

/// `PUT /verify_email`
pub(crate) async fn verify(
    executor: web::Data<BlockingExecutor>,
    client: Client,
    cookie: SessionCookie,
    Form(form): Form<TokenForm>,
) -> Result<HttpResponse, HttpError> {
    // A text that is not a token is answered like a wrong token.
    let token = EmailLinkToken::parse(form.token.text("token")?);
    let session = cookie.session_id().ok();
    let verified = executor
        .run_write(move |auth| auth.verify_email(token.as_ref(), session.as_ref(), &client))
        .await?;
    let answer = AccountMessage {
        email: verified.email.as_str(),
        message: "email verified",
    };
    Ok(with_user_id(verified.user, json(StatusCode::OK, &answer)))
}
