//! The page that removes an authenticator app.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::http::FormError;
use crate::http::pages::field::Field;
use crate::http::pages::next::SECOND_FACTOR;
use crate::http::pages::owner_post::OwnerPost;
use crate::http::pages::session::SignedIn;
use crate::http::pages::view::View;
use crate::http::pages::visit::Visit;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /account/second-factor/remove`, `GET /account/second-factor/remove?recovery`
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    let recovery = visit.query("recovery").is_some();
    let fields = vec![Field::current_password(), Field::second_factor(recovery)];
    visit.show(&view(fields, &signed_in, recovery))
}

/// `POST /account/second-factor/remove`
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let recovery = post.form.hidden("recovery").is_some();
    let view = |fields, signed_in: &SignedIn| view(fields, signed_in, recovery);
    let current = post.take_current_password();
    let code = post.form.take(Field::second_factor(recovery), |text| {
        Ok::<_, FormError>(SecondFactorCode::of_kind(recovery, text))
    });
    let (Some(current), Some(code)) = (current, code) else {
        return Err(post.invalid(view));
    };
    let removed = auth.remove_totp(executor.get_ref(), post.request(current), code);
    let done = |code| post.visit.go_to(SECOND_FACTOR, ("done", code)).finish();
    match removed.await {
        Ok(()) => Ok(done("removed")),
        Err(AuthError::NoSecondFactor) => Ok(done("expired")),
        Err(error) => Err(post.refused_with_factor(error, view)),
    }
}

fn view(fields: Vec<Field>, signed_in: &SignedIn, recovery: bool) -> View {
    let email = signed_in.user.email.as_str();
    View::new("second_factor_remove.html", "totp.remove_title")
        .fields(fields)
        .data(context! { email, recovery })
}
