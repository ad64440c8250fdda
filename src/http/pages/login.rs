//! The login page.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::message::Message;
use super::posted_form::Posted;
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, AuthError, LoginSuccess};
use crate::domain::{NormalizedEmail, Password, Registration, SessionEnd};
use crate::http::extract::current_user::any_session_of;
use crate::http::extract::device_cookie;
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, Refusal};

/// `GET /login`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    // A session without the second factor that an application asks for logs in again.
    let is_step_up = visit.query("reason") == Some("step_up");
    if !is_step_up && let Ok((session_id, _)) = any_session_of(&request).await {
        return Ok(visit.go_on(session_id).await.finish());
    }
    let said = visit.query("reason");
    // Only a browser that still has the session's cookie learns why the session has ended.
    let ended = match SessionCookie::read(&request) {
        Some(ended) if matches!(said, None | Some("session_ended")) => {
            let end = executor.run_read(move |auth| auth.session_end(&ended));
            // The page is of use without the reason too.
            end.await.ok().flatten()
        }
        Some(_) | None => None,
    };
    let notice = ended.map(session_end).or_else(|| said.and_then(reason));
    let fields = [email_field(&auth), Field::password()];
    visit.show(&view(&auth, fields.into(), false).notice(notice))
}

/// `POST /login`, and a browser's form that is posted to `/sessions`.
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let email = form.take(email_field(&auth), NormalizedEmail::parse);
    let password = form.take(Field::password(), Password::parse);
    let keep = form.hidden("keep").is_some();
    let view = view(&auth, form.into_fields(), keep);
    let (Some(email), Some(password)) = (email, password) else {
        return Err(visit.invalid(view));
    };
    let logged_in = auth.log_in(executor.get_ref(), email, password, None, &client);
    match logged_in.await {
        Ok(logged_in) => Ok(enter(&visit, &logged_in, keep).await),
        Err(AuthError::SecondFactorRequired(login)) => {
            let keep = if keep { "on" } else { "" };
            let mut answer = visit.go_to("/login/code", ("keep", keep));
            let cookie = LoginCookie::build(&login, &visit.settings);
            Ok(answer.cookie(cookie).finish())
        }
        Err(error) => Err(visit.refuse(view, error.into())),
    }
}

/// Sets the cookies of a login, and redirects. Without `keep` the browser forgets the session
/// when it is closed.
pub(crate) async fn enter(visit: &Visit, logged_in: &LoginSuccess, keep: bool) -> HttpResponse {
    let settings = &visit.settings;
    let session_id = logged_in.session_id.expose();
    let mut answer = visit.go_on(logged_in.session_id).await;
    answer.cookie(SessionCookie::on_page(&session_id, keep, settings));
    if let Some(device) = &logged_in.device {
        answer.cookie(device_cookie::build(device, settings));
    }
    with_user_id(logged_in.user.id, answer.finish())
}

/// `POST /login/passkey`: what the script sends.
pub(crate) async fn submit_passkey(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let credential = form.hidden("credential").unwrap_or_default();
    let keep = form.hidden("keep").is_some();
    let logged_in = auth.log_in_with_passkey(executor.get_ref(), &credential, &client);
    match logged_in.await {
        Ok(logged_in) => Ok(enter(&visit, &logged_in, keep).await),
        Err(error) => {
            let fields = vec![email_field(&auth), Field::password()];
            Err(visit.refuse(view(&auth, fields, keep), error.into()))
        }
    }
}

/// The address, where browsers offer passkeys too.
fn email_field(auth: &Auth) -> Field {
    let field = Field::account_email();
    if auth.has_passkeys() {
        return Field {
            autocomplete: "username webauthn",
            ..field
        };
    }
    field
}

fn view(auth: &Auth, fields: Vec<Field>, keep: bool) -> View {
    let passkeys = auth.has_passkeys();
    let registration_open = auth.rules().registration != Registration::Closed;
    View::new("login.html", "login.title")
        .fields(fields)
        .script(passkeys)
        .data(context! { keep, registration_open, passkeys })
}

/// Why the browser's session has ended.
fn session_end(end: SessionEnd) -> Message {
    Message::new(match end {
        SessionEnd::Idle => "ended.idle",
        SessionEnd::Expired => "ended.expired",
        SessionEnd::NewerLogin => "ended.newer_login",
        SessionEnd::LoggedOut => "reason.logged_out",
        SessionEnd::OtherDevice => "ended.other_device",
        SessionEnd::PasswordChanged => "ended.password_changed",
        SessionEnd::EmailChanged => "ended.email_changed",
        SessionEnd::SecondFactorChanged => "ended.second_factor_changed",
        SessionEnd::TakenBack => "ended.taken_back",
        SessionEnd::Disabled => "ended.disabled",
        SessionEnd::Operator => "ended.operator",
    })
}

/// Why the login page is shown. Any other text says nothing.
fn reason(code: &str) -> Option<Message> {
    let key = match code {
        "logged_out" => "reason.logged_out",
        "login_required" => "reason.login_required",
        "session_ended" => "reason.session_ended",
        "step_up" => "reason.step_up",
        "login_expired" => "reason.login_expired",
        "password_reset" => "reason.password_reset",
        "account_deleted" => "reason.account_deleted",
        "registered" => "reason.registered",
        "check_mail" => "reason.check_mail",
        "all_ended" => "reason.all_ended",
        _ => return None,
    };
    Some(Message::new(key))
}
