//! The handler of registrations.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::auth::{Auth, RegistrationOutcome};
use crate::domain::{Client, Email, Password};
use crate::http::extract::form::{FieldText, Form};
use crate::http::response::{AccountMessage, json, with_user_id};
use crate::http::{BlockingExecutor, FormError, HttpError};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RegistrationForm {
    email: FieldText,
    password: FieldText,
}

/// `POST /users`
pub(crate) async fn register(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    Form(form): Form<RegistrationForm>,
) -> Result<HttpResponse, HttpError> {
    let email = form.email.parse("email", Email::parse_new);
    let password = form.password.parse("password", Password::parse);
    let (email, password) = FormError::with_new_password(email, ("password", password), &auth)?;
    let executor = executor.get_ref();
    let registered = auth
        .register(executor, &email, password, &client)
        .await
        .map_err(|error| HttpError::of_new_password("password", error))?;
    let created = AccountMessage {
        email: email.as_str(),
        message: "user created",
    };
    let answer = json(StatusCode::CREATED, &created);
    Ok(match registered {
        RegistrationOutcome::New(user) => with_user_id(user.id, answer),
        RegistrationOutcome::Concealed => answer,
    })
}
