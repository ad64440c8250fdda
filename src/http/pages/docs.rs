//! The page `/docs`: the API for people, from its OpenAPI document.

use actix_web::HttpResponse;
use minijinja::context;
use minijinja::value::Serde;

use super::view::View;
use super::visit::Visit;
use crate::http::Refusal;
use crate::http::openapi::sections;

/// `GET /docs`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Refusal> {
    let sections = context! { sections => Serde(sections()) };
    visit.show(&View::new("docs.html", "docs.title").wide().data(sections))
}
