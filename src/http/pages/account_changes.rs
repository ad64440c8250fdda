//! Pages that change the account and ask for the password again: password, address, deletion.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::owner_post::OwnerPost;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::Auth;
use crate::domain::Email;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{BlockingExecutor, Refusal};

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
    visit.show(&password_view(fields.into(), &signed_in, false))
}

/// `POST /account/password`
pub(crate) async fn submit_password(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let keep = post.form.hidden("keep").is_some();
    let view = |fields, signed_in: &SignedIn| password_view(fields, signed_in, keep);
    let current = post.take_current_password();
    let field = Field::new_password(&auth.rules());
    let email = Some(&post.signed_in.user.email);
    let new = post.form.take_new_password(field, &auth, email);
    let (Some(current), Some(new)) = (current, new) else {
        return Err(post.invalid(view));
    };
    let changed = auth.change_password(executor.get_ref(), post.request(current), new);
    match changed.await {
        Ok(changed) => {
            let session_id = changed.session_id.expose();
            let cookie = SessionCookie::on_page(&session_id, keep, &post.visit.settings);
            Ok(see_other("/account?done=password").cookie(cookie).finish())
        }
        Err(error) => Err(post.refused(error, view)),
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
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let new = post.form.take(Field::new_email(), Email::parse_new);
    let current = post.take_current_password();
    let (Some(new), Some(current)) = (new, current) else {
        return Err(post.invalid(email_view));
    };
    let asked = auth.request_email_change(executor.get_ref(), post.request(current), new);
    match asked.await {
        Ok(_) => Ok(see_other("/account?done=email").finish()),
        Err(error) => Err(post.refused(error, email_view)),
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
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let Some(current) = post.take_current_password() else {
        return Err(post.invalid(delete_view));
    };
    let deleted = auth.delete_account(executor.get_ref(), post.request(current));
    match deleted.await {
        Ok(_) => {
            let cookie = SessionCookie::removal(&post.visit.settings);
            let mut answer = see_other("/login?reason=account_deleted");
            Ok(answer.cookie(cookie).finish())
        }
        Err(error) => Err(post.refused(error, delete_view)),
    }
}

/// `keep`: whether the new session is to outlive the browser's window.
fn password_view(fields: Vec<Field>, signed_in: &SignedIn, keep: bool) -> View {
    let email = signed_in.user.email.as_str();
    View::new("account_password.html", "password.title")
        .fields(fields)
        .data(context! { email, keep })
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
