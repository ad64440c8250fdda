//! Handlers of logins and logouts.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use url::form_urlencoded;

use super::access_log::with_user_id;
use super::current_user::CurrentUser;
use super::form::{Fields, Form, FormError, FromFields};
use super::response::{Nothing, json_with};
use super::session_cookie::SessionCookie;
use super::{BlockingExecutor, HttpError, HttpSettings};
use super::{device_cookie, devices};
use crate::auth::{Auth, AuthError};
use crate::domain::{Client, EmailKey, Password};

pub(super) struct Credentials {
    email: EmailKey,
    password: Password,
}

impl FromFields for Credentials {
    fn from_fields(fields: &mut Fields) -> Result<Self, FormError> {
        let (email, password) = fields.credentials()?;
        Ok(Self { email, password })
    }
}

#[derive(Serialize)]
struct Opened {
    session_id: String,
}

/// `POST /sessions`
pub(super) async fn log_in(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    Form(Credentials { email, password }): Form<Credentials>,
) -> Result<HttpResponse, HttpError> {
    let executor = executor.get_ref();
    let logged_in = auth.log_in(executor, email, password, &client).await?;
    let session_id = logged_in.session_id.expose();
    let cookie = SessionCookie::setting(&session_id, &settings);
    let mut answer = HttpResponse::Ok();
    answer.cookie(cookie);
    if let Some(device) = logged_in.device {
        answer.cookie(device_cookie::setting(&device, &settings));
    }
    let answer = json_with(&mut answer, &Opened { session_id });
    Ok(with_user_id(logged_in.user.id, answer))
}

/// `DELETE /sessions`: a logout; with a `scope`, of other devices.
pub(super) async fn log_out(
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
    client: Client,
    CurrentUser { session_id, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let mut scopes = query.filter(|(name, _)| name == "scope");
    match (scopes.next(), scopes.next()) {
        (None, _) => {}
        (Some((_, scope)), None) => {
            return devices::end_all_in(&scope, &executor, &settings, session_id).await;
        }
        (Some(_), Some(_)) => return Err(HttpError::UnknownScope),
    }
    let ended = executor
        .run_write(move |auth| auth.log_out(&session_id, &client))
        .await;
    match ended {
        Ok(_) => {
            let cookie = SessionCookie::clearing(&settings);
            Ok(json_with(HttpResponse::Ok().cookie(cookie), &Nothing {}))
        }
        Err(AuthError::NoResultFound) => Err(HttpError::NotLoggedIn),
        Err(error) => Err(error.into()),
    }
}
