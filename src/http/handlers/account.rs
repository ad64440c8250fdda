//! Handlers of the account: change of password, deletion.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::auth::{Auth, OwnerRequest};
use crate::domain::{Client, Password};
use crate::http::extract::current_user::CurrentUser;
use crate::http::extract::form::{Fields, Form, FormError, FromFields};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::{Nothing, json_with};
use crate::http::{BlockingExecutor, HttpError, HttpSettings};

pub(crate) struct NewPassword {
    current: Password,
    new: Password,
}

impl FromFields for NewPassword {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let current = fields.required("current_password")?;
        let new = fields.required("new_password")?;
        Ok(Self {
            current: Password::parse(&current)?,
            new: Password::parse(&new)?,
        })
    }
}

pub(crate) struct CurrentPassword(pub(super) Password);

impl FromFields for CurrentPassword {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let current = fields.required("current_password")?;
        Ok(Self(Password::parse(&current)?))
    }
}

#[derive(Serialize)]
struct Updated<'a> {
    email: &'a str,
    message: &'a str,
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
    }: CurrentUser<Form<NewPassword>>,
) -> Result<HttpResponse, HttpError> {
    let Form(NewPassword { current, new }) = rest;
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password: current,
        client,
    };
    let changed = auth
        .change_password(executor.get_ref(), request, new)
        .await?;
    let cookie = SessionCookie::setting(&changed.session_id.expose(), &settings);
    let answer = json_with(
        HttpResponse::Ok().cookie(cookie),
        &Updated {
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
    }: CurrentUser<Form<CurrentPassword>>,
) -> Result<HttpResponse, HttpError> {
    let Form(CurrentPassword(current)) = rest;
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password: current,
        client,
    };
    auth.delete_account(executor.get_ref(), request).await?;
    let cookie = SessionCookie::clearing(&settings);
    Ok(json_with(HttpResponse::Ok().cookie(cookie), &Nothing {}))
}
