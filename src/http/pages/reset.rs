//! The page of a reset link: a new password.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::mailed_token::RESET;
use super::posted_form::Posted;
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, AuthError};
use crate::domain::ResetToken;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// `GET /reset`, `GET /reset?token=`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    if let Some(answer) = RESET.before_form(&request, &visit, &view(Vec::new(), false)) {
        return answer;
    }
    let fields = vec![Field::new_password(&auth.rules())];
    visit.show(&view(fields, true))
}

/// `POST /reset`
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let Some(token) = RESET.token(&request) else {
        let error = HttpError::from(AuthError::InvalidResetToken);
        return Err(visit.refuse(view(Vec::new(), false), error));
    };
    let token = ResetToken::parse(&token).ok();
    let field = Field::new_password(&auth.rules());
    let Some(password) = form.take_new_password(field, &auth, None) else {
        return Err(visit.invalid(view(form.into_fields(), true)));
    };
    let executor = executor.get_ref();
    let reset = auth.reset_password(executor, None, token, password, &client);
    match reset.await {
        Ok(user) => {
            let mut answer = visit.go_to("/login", ("reason", "password_reset"));
            answer.cookie(RESET.clearing(&visit.settings));
            Ok(with_user_id(user.id, answer.finish()))
        }
        Err(error @ AuthError::PasswordPolicyError(_)) => {
            form.set_wrong("new_password", &error.into());
            Err(visit.invalid(view(form.into_fields(), true)))
        }
        Err(error @ AuthError::InvalidResetToken) => {
            Err(visit.refuse(view(Vec::new(), false), error.into()))
        }
        Err(error) => Err(visit.refuse(view(form.into_fields(), true), error.into())),
    }
}

fn view(fields: Vec<Field>, usable: bool) -> View {
    View::new("reset.html", "reset.title")
        .fields(fields)
        .data(context! { usable })
}
