//! The page `/docs`: the API for people, from its OpenAPI document.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::refusal::Refusal;
use super::view::View;
use super::visit::Visit;
use crate::http::openapi::sections;

/// `GET /docs`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Refusal> {
    visit.show(&view())
}

/// The page. The descriptions are in English.
pub(crate) fn view() -> View {
    let sections = context! { sections => Value::from_serialize(sections()) };
    View::new("docs.html", "docs.title").wide().data(sections)
}
