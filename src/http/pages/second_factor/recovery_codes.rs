//! The page that makes new recovery codes, and the one that shows them once.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use crate::auth::{Auth, AuthError};
use crate::domain::RecoveryCode;
use crate::http::pages::field::Field;
use crate::http::pages::message::Message;
use crate::http::pages::next::SECOND_FACTOR;
use crate::http::pages::owner_post::OwnerPost;
use crate::http::pages::session::SignedIn;
use crate::http::pages::view::View;
use crate::http::pages::visit::Visit;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /account/second-factor/recovery-codes`
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    visit.show(&password_view(vec![Field::current_password()], &signed_in))
}

/// `POST /account/second-factor/recovery-codes`: answers with the codes, which no other request
/// shows.
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let Some(current) = post.take_current_password() else {
        return Err(post.invalid(password_view));
    };
    let replaced = auth.replace_recovery_codes(executor.get_ref(), post.request(current));
    match replaced.await {
        Ok(codes) => {
            let view = codes_page(&post.visit, &codes, "recovery_codes.replaced");
            post.visit.show(&view)
        }
        Err(AuthError::NoSecondFactor) => Ok(post
            .visit
            .go_to(SECOND_FACTOR, ("done", "expired"))
            .finish()),
        Err(error) => Err(post.refused(error, password_view)),
    }
}

/// The page with new codes. It leads to where the visit was to lead.
pub(super) fn codes_page(visit: &Visit, codes: &[RecoveryCode], notice: &'static str) -> View {
    // The login page opens an application for a browser that is logged in.
    let onward = match &visit.next {
        Some(_) => visit.path_with_next("/login", &[]),
        None => SECOND_FACTOR.to_owned(),
    };
    View::new("recovery_codes.html", "recovery_codes.title")
        .notice(Some(Message::new(notice)))
        .data(context! {
            codes => codes.iter().map(RecoveryCode::expose).collect::<Vec<_>>(),
            onward,
        })
}

fn password_view(fields: Vec<Field>, signed_in: &SignedIn) -> View {
    let email = signed_in.user.email.as_str();
    View::new("second_factor_password.html", "recovery_codes.new")
        .fields(fields)
        .data(context! {
            email,
            intro => "recovery_codes.intro",
            action => "/account/second-factor/recovery-codes",
            submit => "recovery_codes.submit",
        })
}
