use actix_web::http::StatusCode;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::answer::json_with;
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

#[derive(Serialize)]
struct Nothing {}

/// `POST /sessions`
pub(super) async fn log_in(
    door: web::Data<Door>,
    settings: web::Data<HttpSettings>,
    request: HttpRequest,
    Form(Credentials { email, password }): Form<Credentials>,
) -> Result<HttpResponse, HttpError> {
    let client = client(&request);
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

/// `DELETE /sessions`
pub(super) async fn log_out(
    door: web::Data<Door>,
    settings: web::Data<HttpSettings>,
    cookie: SessionCookie,
) -> Result<HttpResponse, HttpError> {
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

/// The connection's other end. What a proxy says about who is behind it is not believed.
fn client(request: &HttpRequest) -> Client {
    let address = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let user_agent = request.headers().get(USER_AGENT);
    Client::new(address, user_agent.and_then(|value| value.to_str().ok()))
}
