//! The second step of a login: a code of an authenticator app, or a recovery code.

use actix_web::{HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::login::enter;
use super::posted_form::Posted;
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::domain::Client;
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::{BlockingExecutor, FormError, HttpError, Refusal};

/// `GET /login/code`, `GET /login/code?recovery`
pub(crate) async fn show(
    executor: web::Data<BlockingExecutor>,
    login: LoginCookie,
    client: Client,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let Some(token) = login.0 else {
        return Ok(expired(&visit));
    };
    let factors = executor.run_read(move |auth| auth.factors_of_pending_login(token, client));
    let factors = match factors.await {
        Ok(factors) => factors,
        Err(AuthError::NoPendingLogin) => return Ok(expired(&visit)),
        Err(error) => return Err(visit.error(error.into())),
    };
    let recovery = visit.query("recovery").is_some();
    let keep = visit.query("keep") == Some("on");
    let has_app = factors.contains(&"totp");
    let step = Step {
        // Without an app there is no code of one.
        recovery: recovery || !has_app,
        has_app,
        has_passkey: factors.contains(&"passkey"),
    };
    let fields = vec![Field::second_factor(step.recovery)];
    visit.show(&step.view(&visit, fields, keep))
}

/// `POST /login/code`
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    login: LoginCookie,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    // The form says what the page offered, so that the page after a mistake offers it again.
    let keep = form.hidden("keep").is_some();
    let step = Step {
        recovery: form.hidden("recovery").is_some(),
        has_app: form.hidden("app").is_some(),
        has_passkey: auth.has_passkeys() && form.hidden("passkey").is_some(),
    };
    let recovery = step.recovery;
    let code = match form.hidden("credential") {
        Some(credential) => {
            form.show(Field::second_factor(recovery));
            Some(SecondFactorCode::passkey(&credential))
        }
        None => form.take(Field::second_factor(recovery), |text| {
            Ok::<_, FormError>(SecondFactorCode::of_kind(recovery, text))
        }),
    };
    let view = step.view(&visit, form.into_fields(), keep);
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

/// What the page offers.
struct Step {
    /// Whether the form asks for a recovery code.
    recovery: bool,
    has_app: bool,
    has_passkey: bool,
}

impl Step {
    /// The page. `keep`: whether the session is to outlive the browser's window.
    fn view(&self, visit: &Visit, fields: Vec<Field>, keep: bool) -> View {
        let mut other = vec![("keep", if keep { "on" } else { "" })];
        if !self.recovery {
            other.push(("recovery", "1"));
        }
        View::new("login_code.html", "login_code.title")
            .fields(fields)
            .script(self.has_passkey)
            .data(context! {
                keep,
                recovery => self.recovery,
                app => self.has_app,
                passkeys => self.has_passkey,
                other => visit.path_with_next("/login/code", &other),
            })
    }
}
