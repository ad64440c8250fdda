//! Handlers of accounts: changing the password, deleting the account.

use actix_web::http::header::VARY;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::domain::{Client, GroupName, Password, Timestamp};
use crate::http::extract::current_user::{CurrentUser, session_of};
use crate::http::extract::form::{CurrentPasswordForm, FieldText, Form};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::pages::{self, Pages};
use crate::http::representation::prefers_html;
use crate::http::response::{AccountMessage, EmptyObject, json_with};
use crate::http::{BlockingExecutor, FormError, HttpError, HttpSettings, Refusal};

#[derive(Serialize)]
struct Account<'a> {
    id: i64,
    email: &'a str,
    email_verified: bool,
    created_at: Option<String>,
    last_login_at: Option<String>,
    groups: Vec<&'a str>,
    second_factors: &'a [&'static str],
    recovery_codes_left: u32,
}

/// `GET /account`: JSON, and in a browser the page.
pub(crate) async fn account(
    executor: web::Data<BlockingExecutor>,
    pages: Option<web::Data<Pages>>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    if pages.is_some() && prefers_html(request.headers()) {
        return pages::account(executor, request).await;
    }
    let (session_id, _) = session_of(&request).await.map_err(Refusal::plain)?;
    let account = executor
        .run_read(move |auth| auth.account_summary(&session_id))
        .await
        .map_err(|error| Refusal::plain(error.into()))?;
    let shown = Account {
        id: account.user.id.get(),
        email: account.user.email.as_str(),
        email_verified: account.email_verified_at.is_some(),
        created_at: account.dates.created_at.map(Timestamp::rfc3339),
        last_login_at: account.dates.last_login_at.map(Timestamp::rfc3339),
        groups: account.groups.iter().map(GroupName::as_str).collect(),
        second_factors: &account.second_factor.status.factors,
        recovery_codes_left: account.second_factor.status.recovery_codes_left,
    };
    Ok(json_with(
        HttpResponse::Ok().insert_header((VARY, "Accept")),
        &shown,
    ))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PasswordChangeForm {
    current_password: FieldText,
    new_password: FieldText,
}

/// `PUT /profile/password`
pub(crate) async fn change_password(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    user: CurrentUser<Form<PasswordChangeForm>>,
) -> Result<HttpResponse, HttpError> {
    let (request, new_password) = user.owner_request(client, |form| {
        let current = form.current_password.current_password();
        let new = form.new_password.parse("new_password", Password::parse);
        FormError::with_new_password(current, ("new_password", new), &auth)
    })?;
    let changed = auth
        .change_password(executor.get_ref(), request, new_password)
        .await
        .map_err(|error| HttpError::of_new_password("new_password", error))?;
    let cookie = SessionCookie::build(&changed.session_id.expose(), &settings);
    let answer = json_with(
        HttpResponse::Ok().cookie(cookie),
        &AccountMessage {
            email: changed.user.email.as_str(),
            message: "Password updated",
        },
    );
    Ok(answer)
}

/// `DELETE /profile`
pub(crate) async fn delete_account(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    user: CurrentUser<Form<CurrentPasswordForm>>,
) -> Result<HttpResponse, HttpError> {
    let (request, ()) = user.owner_request(client, CurrentPasswordForm::read)?;
    auth.delete_account(executor.get_ref(), request).await?;
    let cookie = SessionCookie::removal(&settings);
    Ok(json_with(
        HttpResponse::Ok().cookie(cookie),
        &EmptyObject {},
    ))
}
