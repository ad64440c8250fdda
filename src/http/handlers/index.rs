//! The index: the reference service's greeting, and in a browser the way to the pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::extract::current_user::any_session_of;
use crate::http::pages::Pages;
use crate::http::representation::prefers_html;
use crate::http::response::{Message, json};

/// `GET /`
pub(crate) async fn index(pages: Option<web::Data<Pages>>, request: HttpRequest) -> HttpResponse {
    let message = "Bienvenue";
    let mut answer = json(StatusCode::OK, &Message { message });
    if pages.is_some() {
        if prefers_html(request.headers()) {
            let is_logged_in = any_session_of(&request).await.is_ok();
            let page = if is_logged_in { "/account" } else { "/login" };
            let mut see_other = HttpResponse::SeeOther();
            see_other.insert_header((LOCATION, page));
            return see_other.insert_header((VARY, "Accept")).finish();
        }
        answer
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("Accept"));
    }
    answer
}
