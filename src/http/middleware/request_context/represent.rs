//! The forms of an error's answer: as the API has it, as a problem, or as a page.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, web};

use crate::http::content_kind::ContentKind;
use crate::http::error::Description;
use crate::http::pages::Pages;
use crate::http::representation::{PROBLEM, Representation};

/// Turns an error's response into the form that the client asks for. Other responses stay
/// unchanged, and so do errors that are pages already.
pub(super) fn represent(
    mut answer: HttpResponse<BoxBody>,
    wanted: Representation,
    pages: Option<&web::Data<Pages>>,
) -> HttpResponse<BoxBody> {
    let description = answer.extensions().get::<Description>().cloned();
    let Some(description) = description else {
        return answer;
    };
    let (media_type, body) = match (wanted, pages) {
        (Representation::Problem, _) => (PROBLEM, description.problem()),
        (Representation::Page(language), Some(pages)) => {
            match pages.error_page(language, &description) {
                Ok(html) => {
                    answer.extensions_mut().insert(ContentKind::Page {
                        leads_to: None,
                        has_script: false,
                    });
                    ("text/html; charset=utf-8", html)
                }
                Err(error) => {
                    log::error!("an error page cannot be written: {error}");
                    return answer;
                }
            }
        }
        (Representation::Message, _) | (Representation::Page(_), None) => return answer,
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.set_body(BoxBody::new(body))
}
