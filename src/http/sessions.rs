use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use url::form_urlencoded;

use super::answer::{Nothing, json_with};
use super::devices;
use super::form::{Fields, Form, FormError, FromFields};
use super::session_cookie::SessionCookie;
use super::{Door, HttpError, HttpSettings};
use crate::auth::AuthError;
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
    door: web::Data<Door>,
    settings: web::Data<HttpSettings>,
    client: Client,
    Form(Credentials { email, password }): Form<Credentials>,
) -> Result<HttpResponse, HttpError> {
    let logged_in = door
        .hashing(move |auth| auth.begin_login(email, &password, client))
        .await?;
    let session_id = logged_in.session_id.expose();
    let cookie = SessionCookie::setting(&session_id, &settings);
    Ok(json_with(
        HttpResponse::Ok().cookie(cookie),
        &Opened { session_id },
    ))
}

/// `DELETE /sessions`: a logout; with a `scope`, of other devices.
pub(super) async fn log_out(
    door: web::Data<Door>,
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
    cookie: SessionCookie,
) -> Result<HttpResponse, HttpError> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let mut scopes = query.filter(|(name, _)| name == "scope");
    match (scopes.next(), scopes.next()) {
        (None, _) => {}
        (Some((_, scope)), None) => {
            return devices::end_all_in(&scope, &door, &settings, cookie).await;
        }
        (Some(_), Some(_)) => return devices::end_all_in("", &door, &settings, cookie).await,
    }
    let session_id = cookie.session_id()?;
    match door.write(move |auth| auth.log_out(&session_id)).await {
        Ok(_) => Ok(json_with(
            HttpResponse::build(StatusCode::OK).cookie(SessionCookie::clearing(&settings)),
            &Nothing {},
        )),
        Err(HttpError::Auth(AuthError::NoResultFound)) => Err(HttpError::NotLoggedIn),
        Err(error) => Err(error),
    }
}
