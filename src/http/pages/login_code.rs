//! The second step of a login: a code of an authenticator app, or a recovery code.

use actix_web::{HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::login::enter;
use super::posted_form::Posted;
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::http::FormError;
use crate::http::Refusal;
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::{BlockingExecutor, HttpError};

/// `GET /login/code`, `GET /login/code?recovery`
pub(crate) async fn show(login: LoginCookie, visit: Visit) -> Result<HttpResponse, Refusal> {
    if login.0.is_none() {
        return Ok(expired(&visit));
    }
    let recovery = visit.query("recovery").is_some();
    let keep = visit.query("keep") == Some("on");
    visit.show(&view(&visit, vec![field(recovery)], keep, recovery))
}

/// `POST /login/code`
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    login: LoginCookie,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let Posted {
        visit,
        client,
        mut form,
    } = posted;
    let keep = form.hidden("keep").is_some();
    let recovery = form.hidden("recovery").is_some();
    let read = |text: &str| {
        Ok::<_, FormError>(if recovery {
            SecondFactorCode::recovery(text)
        } else {
            SecondFactorCode::totp(text)
        })
    };
    let code = form.take(field(recovery), read);
    let view = view(&visit, form.into_fields(), keep, recovery);
    let Some(code) = code else {
        return Err(visit.invalid(view));
    };
    let executor = executor.get_ref();
    let logged_in = auth.log_in_with_second_factor(executor, login.0, code, &client);
    match logged_in.await {
        Ok(logged_in) => {
            let mut answer = enter(&visit, &logged_in, keep).await;
            let cookie = LoginCookie::removal(&visit.settings);
            let added = answer.add_cookie(&cookie);
            added.map_err(|error| visit.error(AuthError::TaskFailed(error.to_string()).into()))?;
            Ok(answer)
        }
        Err(AuthError::NoPendingLogin) => Ok(expired(&visit)),
        Err(error) => Err(visit.refuse(view, HttpError::from(error))),
    }
}

/// Back to the first step.
fn expired(visit: &Visit) -> HttpResponse {
    visit.go_to("/login", ("reason", "login_expired")).finish()
}

fn field(recovery: bool) -> Field {
    if recovery {
        Field::recovery_code()
    } else {
        Field::totp_code()
    }
}

fn view(visit: &Visit, fields: Vec<Field>, keep: bool, recovery: bool) -> View {
    let keep_value = if keep { "on" } else { "" };
    let mut other = vec![("keep", keep_value)];
    if !recovery {
        other.push(("recovery", "1"));
    }
    let other = visit.path_with_next("/login/code", &other);
    View::new("login_code.html", "login_code.title")
        .fields(fields)
        .data(context! { keep, recovery, other })
}
