//! Responses in JSON.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// The header with an error's stable code, for programs.
pub(super) const ERROR_CODE: HeaderName = HeaderName::from_static("bienvenue-error");

/// A sentence for the client.
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

/// An answer in JSON that ends with a new line, as the document's framework writes it.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    json_with(&mut HttpResponse::build(status), value)
}

/// The same, with headers that the caller has put into the answer.
pub(super) fn json_with(answer: &mut HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            answer.content_type("application/json").body(body)
        }
        Err(error) => {
            log::error!("an answer cannot be written as JSON: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}

pub(super) async fn not_found() -> HttpResponse {
    let message = "there is nothing at this path";
    let mut answer = HttpResponse::NotFound();
    answer.insert_header((ERROR_CODE, "not_found"));
    json_with(&mut answer, &Message { message })
}
