//! The page for a user without access to an application.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use minijinja::context;

use super::next::{ACCOUNT, Next};
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::http::error::Refusal;

/// `GET /denied`: which account has no access to which application, and a button to log out.
/// `next` is the URL that was asked for.
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    // After a login the application decides again: it may be another account, or have access by then.
    let next = visit.next.as_ref().map_or(ACCOUNT, Next::location);
    let SignedIn { user, .. } = SignedIn::or_lead_to(next, &request, &visit).await?;
    let app = visit.next.as_ref().and_then(Next::origin);
    let data = context! {
        email => user.email.as_str(),
        app => app.map(ToString::to_string),
    };
    let view = View::new("denied.html", "error.heading.403").data(data);
    visit.show_as(StatusCode::FORBIDDEN, &view)
}
