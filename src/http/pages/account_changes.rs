//! Pages that change the account and ask for the password again: password, address, deletion.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::posted_form::{Posted, PostedForm};
use super::register::check_password;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{Auth, AuthError, OwnerRequest};
use crate::domain::{Client, Email, Password};
use crate::http::Refusal;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{BlockingExecutor, HttpError};

/// `GET /account/password`
pub(crate) async fn show_password(
    auth: web::Data<Auth>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    let fields = [
        Field::current_password(),
        Field::new_password(&auth.rules()),
    ];
    visit.show(&password_view(fields.into(), &signed_in))
}

/// `POST /account/password`
pub(crate) async fn submit_password(
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
    let current = form.take(Field::current_password(), Password::parse);
    let new = form.take(Field::new_password(&auth.rules()), Password::parse);
    let email = Some(&signed_in.user.email);
    let is_accepted = check_password(&auth, &mut form, "new_password", new.as_ref(), email);
    let (Some(current), Some(new), true) = (current, new, is_accepted) else {
        return Err(visit.invalid(password_view(form.into_fields(), &signed_in)));
    };
    let owner = owner_request(&signed_in, current, client);
    let changed = auth.change_password(executor.get_ref(), owner, new).await;
    match changed {
        Ok(changed) => {
            let session_id = changed.session_id.expose();
            let cookie = SessionCookie::build(&session_id, &visit.settings);
            Ok(see_other("/account?done=password").cookie(cookie).finish())
        }
        Err(error) => Err(refused(&visit, form, error, |fields| {
            password_view(fields, &signed_in)
        })),
    }
}

/// `GET /account/email`
pub(crate) async fn show_email(
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    let fields = [Field::new_email(), Field::current_password()];
    visit.show(&email_view(fields.into(), &signed_in))
}

/// `POST /account/email`
pub(crate) async fn submit_email(
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
    let new = form.take(Field::new_email(), Email::parse_new);
    let current = form.take(Field::current_password(), Password::parse);
    let (Some(new), Some(current)) = (new, current) else {
        return Err(visit.invalid(email_view(form.into_fields(), &signed_in)));
    };
    let owner = owner_request(&signed_in, current, client);
    let asked = auth.request_email_change(executor.get_ref(), owner, new);
    match asked.await {
        Ok(_) => Ok(see_other("/account?done=email").finish()),
        Err(error) => Err(refused(&visit, form, error, |fields| {
            email_view(fields, &signed_in)
        })),
    }
}

/// `GET /account/delete`
pub(crate) async fn show_delete(
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    visit.show(&delete_view(vec![Field::current_password()], &signed_in))
}

/// `POST /account/delete`
pub(crate) async fn submit_delete(
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
    let Some(current) = form.take(Field::current_password(), Password::parse) else {
        return Err(visit.invalid(delete_view(form.into_fields(), &signed_in)));
    };
    let owner = owner_request(&signed_in, current, client);
    match auth.delete_account(executor.get_ref(), owner).await {
        Ok(_) => {
            let cookie = SessionCookie::removal(&visit.settings);
            let mut answer = see_other("/login?reason=account_deleted");
            Ok(answer.cookie(cookie).finish())
        }
        Err(error) => Err(refused(&visit, form, error, |fields| {
            delete_view(fields, &signed_in)
        })),
    }
}

fn owner_request(signed_in: &SignedIn, current: Password, client: Client) -> OwnerRequest {
    OwnerRequest {
        owner: signed_in.user.clone(),
        session_id: signed_in.session_id,
        current_password: current,
        client,
    }
}

/// The page again: a wrong password is said beside its field, the rest above the form.
fn refused(
    visit: &Visit,
    mut form: PostedForm,
    error: AuthError,
    view: impl FnOnce(Vec<Field>) -> View,
) -> Refusal {
    let is_credentials = matches!(error, AuthError::InvalidCredentials);
    let error = HttpError::from(error);
    if is_credentials {
        form.set_wrong("current_password", &error);
        return visit.invalid_as(view(form.into_fields()), error);
    }
    visit.refuse(view(form.into_fields()), error)
}

fn password_view(fields: Vec<Field>, signed_in: &SignedIn) -> View {
    let email = signed_in.user.email.as_str();
    View::new("account_password.html", "password.title")
        .fields(fields)
        .data(context! { email })
}

fn email_view(fields: Vec<Field>, signed_in: &SignedIn) -> View {
    let email = signed_in.user.email.as_str();
    View::new("account_email.html", "email.title")
        .fields(fields)
        .data(context! { email })
}

fn delete_view(fields: Vec<Field>, signed_in: &SignedIn) -> View {
    let email = signed_in.user.email.as_str();
    View::new("account_delete.html", "delete.title")
        .fields(fields)
        .data(context! { email })
}
