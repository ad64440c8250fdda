//! The registration page.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::login::enter;
use super::posted_form::{Posted, PostedForm};
use super::view::View;
use super::visit::Visit;
use crate::auth::{AccountRules, Auth, AuthError, RegistrationOutcome};
use crate::domain::{Client, Email, EmailVerification, Registration, User};
use crate::http::extract::current_user::session_of;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// `GET /register`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    if let Ok((session_id, _)) = session_of(&request).await {
        return Ok(visit.go_on(session_id).await.finish());
    }
    let rules = auth.rules();
    let fields = [Field::own_email(), Field::first_password(&rules)];
    visit.show(&view(&rules, fields.into()))
}

/// `POST /register`, and a browser's form that is posted to `/users`.
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let rules = auth.rules();
    if rules.registration == Registration::Closed {
        let error = HttpError::from(AuthError::RegistrationClosed);
        return Err(visit.refuse(view(&rules, Vec::new()), error));
    }
    let email = form.take(Field::own_email(), Email::parse_new);
    let field = Field::first_password(&rules);
    let password = form.take_new_password(field, &auth, email.as_ref());
    let (Some(email), Some(password)) = (email, password) else {
        return Err(visit.invalid(view(&rules, form.into_fields())));
    };
    let executor = executor.get_ref();
    let registered = auth.register(executor, &email, password, &client).await;
    let user = match registered {
        Ok(RegistrationOutcome::New(user)) if rules.registration_logs_in() => user,
        Ok(registered) => return Ok(done(&visit, &rules, &registered)),
        Err(error) => return Err(refused(&visit, form, error, |fields| view(&rules, fields))),
    };
    Ok(log_in(&auth, executor, &visit, &client, user).await)
}

/// The page again: a taken address is shown beside its field, other errors above the form.
pub(crate) fn refused(
    visit: &Visit,
    mut form: PostedForm,
    error: AuthError,
    view: impl FnOnce(Vec<Field>) -> View,
) -> Refusal {
    let is_taken = matches!(error, AuthError::AlreadyExists(_));
    let error = HttpError::from(error);
    if is_taken {
        form.set_wrong("email", &error);
        return visit.invalid(view(form.into_fields()));
    }
    visit.refuse(view(form.into_fields()), error)
}

/// Logs in a user who has just registered.
pub(crate) async fn log_in(
    auth: &Auth,
    executor: &BlockingExecutor,
    visit: &Visit,
    client: &Client,
    user: User,
) -> HttpResponse {
    match auth.log_in_registered(executor, user, client).await {
        Ok(logged_in) => enter(visit, &logged_in, false).await,
        // The account exists: the user can log in.
        Err(_) => visit.go_to("/login", ("reason", "registered")).finish(),
    }
}

/// The answer to a registration: the same whether the account is new or existed.
pub(crate) fn done(
    visit: &Visit,
    rules: &AccountRules,
    registered: &RegistrationOutcome,
) -> HttpResponse {
    let reason = match rules.email_verification {
        EmailVerification::Off => "registered",
        EmailVerification::Optional | EmailVerification::Required => "check_mail",
    };
    let answer = visit.go_to("/login", ("reason", reason)).finish();
    match registered {
        RegistrationOutcome::New(user) => with_user_id(user.id, answer),
        RegistrationOutcome::Concealed => answer,
    }
}

fn view(rules: &AccountRules, fields: Vec<Field>) -> View {
    let registration_open = rules.registration != Registration::Closed;
    View::new("register.html", "register.title")
        .fields(fields)
        .data(context! { registration_open })
}
