//! The page that removes an authenticator app.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::domain::Password;
use crate::http::FormError;
use crate::http::pages::account_changes::owner_request;
use crate::http::pages::field::Field;
use crate::http::pages::message::Message;
use crate::http::pages::next::SECOND_FACTOR;
use crate::http::pages::posted_form::Posted;
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
    request: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let Posted {
        visit,
        client,
        mut form,
    } = posted;
    let signed_in = SignedIn::of(&request, &visit).await?;
    let recovery = form.hidden("recovery").is_some();
    let current = form.take(Field::current_password(), Password::parse);
    let code = form.take(Field::second_factor(recovery), |text| {
        Ok::<_, FormError>(SecondFactorCode::of_kind(recovery, text))
    });
    let (Some(current), Some(code)) = (current, code) else {
        return Err(visit.invalid(view(form.into_fields(), &signed_in, recovery)));
    };
    let owner = owner_request(&signed_in, current, client);
    match auth.remove_totp(executor.get_ref(), owner, code).await {
        Ok(()) => Ok(visit.go_to(SECOND_FACTOR, ("done", "removed")).finish()),
        Err(AuthError::NoSecondFactor) => {
            Ok(visit.go_to(SECOND_FACTOR, ("done", "expired")).finish())
        }
        Err(error @ (AuthError::InvalidCredentials | AuthError::InvalidCode { .. })) => {
            // Not which of the two: that would tell a thief of the session about a guess.
            let view = view(form.into_fields(), &signed_in, recovery);
            let message = Message::new("second_factor.wrong");
            Err(visit.refuse_with(view, error.into(), message))
        }
        Err(error) => {
            let view = view(form.into_fields(), &signed_in, recovery);
            Err(visit.refuse(view, error.into()))
        }
    }
}

fn view(fields: Vec<Field>, signed_in: &SignedIn, recovery: bool) -> View {
    let email = signed_in.user.email.as_str();
    View::new("second_factor_remove.html", "totp.remove_title")
        .fields(fields)
        .data(context! { email, recovery })
}
