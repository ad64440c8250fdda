//! The page for a forgotten password.

use actix_web::{HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::posted_form::Posted;
use super::view::View;
use super::visit::Visit;
use crate::auth::Auth;
use crate::domain::Email;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /forgot`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Refusal> {
    let sent = visit.query("sent").is_some();
    let title = if sent {
        "forgot.sent_title"
    } else {
        "forgot.title"
    };
    let view = View::new("forgot.html", title)
        .fields([Field::account_email()])
        .data(context! { sent });
    visit.show(&view)
}

/// `POST /forgot`: the same answer for known and unknown addresses.
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let email = form.take(Field::account_email(), Email::parse);
    let view = View::new("forgot.html", "forgot.title")
        .fields(form.into_fields())
        .data(context! { sent => false });
    let Some(email) = email else {
        return Err(visit.invalid(view));
    };
    let asked = auth.request_reset(executor.get_ref(), &email, &client);
    match asked.await {
        Ok(()) => Ok(visit.go_to("/forgot", ("sent", "1")).finish()),
        Err(error) => Err(visit.refuse(view, error.into())),
    }
}
