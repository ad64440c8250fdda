//! The page `/docs`: the API for people, from its OpenAPI document.

use actix_web::HttpResponse;
use minijinja::context;
use minijinja::value::Serde;

use super::view::View;
use super::visit::Visit;
use crate::http::Refusal;
use crate::http::openapi::sections;

/// `GET /docs`: the list of all operations, or with `section` the details of one section.
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Refusal> {
    let named = visit.query("section");
    let shown = sections()
        .iter()
        .find(|section| named == Some(section.slug.as_str()));
    let data = context! { sections => Serde(sections()), shown => shown.map(Serde) };
    visit.show(&View::new("docs.html", "docs.title").wide().data(data))
}
