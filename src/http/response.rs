//! Responses: JSON, and the user of a request.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::domain::UserId;

/// The header with the error code.
pub(super) const ERROR_CODE: HeaderName = HeaderName::from_static("bienvenue-error");

/// A message for the client.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) message: &'a str,
}

/// A sentence about an account.
#[derive(Serialize)]
pub(super) struct AccountMessage<'a> {
    pub(super) email: &'a str,
    pub(super) message: &'a str,
}

/// `{}`, where a success has no data.
#[derive(Serialize)]
pub(super) struct EmptyObject {}

/// A JSON response that ends with a new line, as in the reference service.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    json_with(&mut HttpResponse::build(status), value)
}

/// A JSON response that ends with a new line, with status and headers that the caller has set.
pub(super) fn json_with(answer: &mut HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            answer.content_type("application/json").body(body)
        }
        Err(error) => {
            log::error!("a response cannot be written as JSON: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Sets the user for the access log, for a request without a session.
pub(crate) fn with_user_id(user: UserId, mut answer: HttpResponse) -> HttpResponse {
    answer.extensions_mut().insert(user);
    answer
}
