//! The rules that a front end needs before it posts a form.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clap::ValueEnum;
use serde::Serialize;

use crate::auth::Auth;
use crate::http::response::json;

#[derive(Serialize)]
struct Rules {
    password_min_length: usize,
    registration: String,
    email_verification: String,
    second_factor: String,
}

/// `GET /rules`
pub(crate) async fn rules(auth: web::Data<Auth>) -> HttpResponse {
    let rules = auth.rules();
    let shown = Rules {
        password_min_length: rules.password_min_length,
        registration: name(&rules.registration),
        email_verification: name(&rules.email_verification),
        second_factor: name(&rules.second_factor),
    };
    json(StatusCode::OK, &shown)
}

/// The value of `--registration`.
fn name(value: &impl ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |named| named.get_name().to_owned())
}
