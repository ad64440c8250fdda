//! Forgotten passwords: a request for a mail, and a new password by its token.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::Auth;
use crate::domain::{Client, Email, EmailKey, Password, ResetToken};
use crate::http::extract::form::{Fields, Form, FormError, FromFields};
use crate::http::middleware::with_user_id;
use crate::http::response::json;
use crate::http::{BlockingExecutor, HttpError};

pub(crate) struct Forgotten {
    sent: Zeroizing<String>,
    email: Email,
}

impl FromFields for Forgotten {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let sent = fields.required("email")?;
        let email = FormError::within("email", Email::parse(&sent))?;
        Ok(Self { sent, email })
    }
}

pub(crate) struct Reset {
    email: Option<EmailKey>,
    token: Option<ResetToken>,
    new_password: Password,
}

impl FromFields for Reset {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let email = fields.optional("email");
        let token = fields.required("reset_token")?;
        let new_password = fields.required("new_password")?;
        let email = email.map(|email| EmailKey::parse(&email)).transpose();
        Ok(Self {
            email: FormError::within("email", email)?,
            token: ResetToken::parse(&token).ok(),
            new_password: FormError::within("new_password", Password::parse(&new_password))?,
        })
    }
}

#[derive(Serialize)]
struct Told<'a> {
    email: &'a str,
    message: &'a str,
}

/// `POST /reset_password`
pub(crate) async fn request(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    Form(Forgotten { sent, email }): Form<Forgotten>,
) -> Result<HttpResponse, HttpError> {
    auth.request_reset(executor.get_ref(), &email, &client)
        .await?;
    let told = Told {
        email: &sent,
        message: "if this address is registered, a mail is on its way",
    };
    Ok(json(StatusCode::OK, &told))
}

/// `PUT /reset_password`
pub(crate) async fn reset(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    Form(form): Form<Reset>,
) -> Result<HttpResponse, HttpError> {
    let Reset {
        email,
        token,
        new_password,
    } = form;
    let executor = executor.get_ref();
    let user = auth
        .reset_password(executor, email, token, new_password, &client)
        .await
        .map_err(|error| HttpError::of_new_password("new_password", error))?;
    let told = Told {
        email: user.email.as_str(),
        message: "Password updated",
    };
    Ok(with_user_id(user.id, json(StatusCode::OK, &told)))
}
