//! Handlers of email addresses: requests for a change, and mailed tokens.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::auth::{Auth, MailedToken, OwnerRequest};
use crate::domain::{Client, Email, Password};
use crate::http::extract::current_user::CurrentUser;
use crate::http::extract::form::{Fields, Form, FormError, FromFields};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::middleware::with_user_id;
use crate::http::response::json;
use crate::http::{BlockingExecutor, HttpError};

pub(crate) struct NewEmail {
    email: Email,
    current: Password,
}

impl FromFields for NewEmail {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let email = fields.required("email")?;
        let current = fields.required("current_password")?;
        Ok(Self {
            email: FormError::within("email", Email::parse_new(&email))?,
            current: FormError::within("current_password", Password::parse(&current))?,
        })
    }
}

/// None for a text that is no token: it is answered like a wrong one.
pub(crate) struct Proof(Option<MailedToken>);

impl FromFields for Proof {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let token = fields.required("token")?;
        Ok(Self(MailedToken::parse(&token)))
    }
}

#[derive(Serialize)]
struct Asked {
    message: &'static str,
}

#[derive(Serialize)]
struct Verified<'a> {
    email: &'a str,
    message: &'static str,
}

/// `PUT /profile/email`
pub(crate) async fn change(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    CurrentUser {
        session_id,
        user,
        rest,
    }: CurrentUser<Form<NewEmail>>,
) -> Result<HttpResponse, HttpError> {
    let Form(NewEmail { email, current }) = rest;
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password: current,
        client,
    };
    auth.request_email_change(executor.get_ref(), request, email)
        .await?;
    let asked = Asked {
        message: "if this address is free, a mail is on its way",
    };
    Ok(json(StatusCode::OK, &asked))
}

/// `PUT /verify_email`
pub(crate) async fn verify(
    executor: web::Data<BlockingExecutor>,
    client: Client,
    cookie: SessionCookie,
    Form(Proof(token)): Form<Proof>,
) -> Result<HttpResponse, HttpError> {
    let session = cookie.session_id().ok();
    let verified = executor
        .run_write(move |auth| auth.verify_email(token.as_ref(), session.as_ref(), &client))
        .await?;
    let told = Verified {
        email: verified.email.as_str(),
        message: "email verified",
    };
    Ok(with_user_id(verified.user, json(StatusCode::OK, &told)))
}
