//! Handlers of the account: change of password, deletion.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::auth::{Auth, OwnerRequest};
use crate::domain::{Client, Password};
use crate::http::extract::current_user::CurrentUser;
use crate::http::extract::form::{FieldText, Form};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::{AccountMessage, EmptyObject, json_with};
use crate::http::{BlockingExecutor, HttpError, HttpSettings};

#[derive(Deserialize)]
pub(crate) struct PasswordChangeForm {
    current_password: FieldText,
    new_password: FieldText,
}

/// The password of the owner, who gives it again.
#[derive(Deserialize)]
pub(crate) struct CurrentPasswordForm {
    pub(super) current_password: FieldText,
}

/// `PUT /profile/password`
pub(crate) async fn change_password(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    CurrentUser {
        session_id,
        user,
        rest,
    }: CurrentUser<Form<PasswordChangeForm>>,
) -> Result<HttpResponse, HttpError> {
    let Form(form) = rest;
    let current_password = form.current_password.parse(Password::parse)?;
    let new_password = form.new_password.parse(Password::parse)?;
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password,
        client,
    };
    let changed = auth
        .change_password(executor.get_ref(), request, new_password)
        .await?;
    let cookie = SessionCookie::build(&changed.session_id.expose(), &settings);
    let answer = json_with(
        HttpResponse::Ok().cookie(cookie),
        &AccountMessage {
            email: changed.user.email.as_str(),
            message: "Password updated",
        },
    );
    Ok(answer)
}

/// `DELETE /profile`
pub(crate) async fn delete_account(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    CurrentUser {
        session_id,
        user,
        rest,
    }: CurrentUser<Form<CurrentPasswordForm>>,
) -> Result<HttpResponse, HttpError> {
    let Form(form) = rest;
    let current_password = form.current_password.parse(Password::parse)?;
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password,
        client,
    };
    auth.delete_account(executor.get_ref(), request).await?;
    let cookie = SessionCookie::removal(&settings);
    Ok(json_with(
        HttpResponse::Ok().cookie(cookie),
        &EmptyObject {},
    ))
}
