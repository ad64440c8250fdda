//! Handlers of passkeys: logins with one, and the passkeys of an account.

use actix_web::http::StatusCode;
use actix_web::http::header::VARY;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::auth::{Auth, AuthError, NewPasskeyAnswer};
use crate::domain::{Client, PasskeyId, PasskeyInfo, PasskeyName, RecoveryCode, Timestamp};
use crate::http::extract::current_user::{CurrentUser, EnrollingUser, session_of};
use crate::http::extract::form::{FieldText, Form, ProofForm};
use crate::http::extract::login_cookie::LoginCookie;
use crate::http::login_response::opened;
use crate::http::pages::{self, Pages};
use crate::http::representation::prefers_html;
use crate::http::response::{EmptyObject, json, json_with};
use crate::http::{BlockingExecutor, FormError, HttpError, HttpSettings, Refusal};

/// What an authenticator has signed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CredentialForm {
    credential: FieldText,
}

/// A passkey to add.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewPasskeyForm {
    credential: FieldText,
    name: FieldText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NameForm {
    name: FieldText,
}

#[derive(Serialize)]
struct ListedPasskey<'a> {
    id: i64,
    name: &'a str,
    rp_id: &'a str,
    backed_up: bool,
    created_at: String,
    last_used_at: Option<String>,
}

impl<'a> From<&'a PasskeyInfo> for ListedPasskey<'a> {
    fn from(passkey: &'a PasskeyInfo) -> Self {
        Self {
            id: passkey.id.get(),
            name: passkey.name.as_str(),
            rp_id: &passkey.rp_id,
            backed_up: passkey.backed_up,
            created_at: passkey.created_at.rfc3339(),
            last_used_at: passkey.last_used_at.map(Timestamp::rfc3339),
        }
    }
}

/// A passkey was added. The recovery codes are those of a user who had no second factor before.
#[derive(Serialize)]
struct Added {
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

/// `POST /sessions/passkey/options`
pub(crate) async fn begin_login(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
) -> Result<HttpResponse, HttpError> {
    let options = auth.begin_passkey_login(executor.get_ref(), &client);
    Ok(json(StatusCode::OK, &options.await?))
}

/// `POST /sessions/passkey`
pub(crate) async fn log_in(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    client: Client,
    Form(form): Form<CredentialForm>,
) -> Result<HttpResponse, HttpError> {
    let credential = form.credential.text("credential")?;
    let logged_in = auth.log_in_with_passkey(executor.get_ref(), credential, &client);
    Ok(opened(&logged_in.await?, HttpResponse::Ok(), &settings))
}

/// `POST /sessions/second_factor/options`
pub(crate) async fn begin_second_factor(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    login: LoginCookie,
) -> Result<HttpResponse, HttpError> {
    let options = auth.begin_passkey_second_factor(executor.get_ref(), login.0, &client);
    Ok(json(StatusCode::OK, &options.await?))
}

/// `POST /account/second_factor/options`
pub(crate) async fn begin_proof(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    CurrentUser { user, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    let options = auth.begin_passkey_proof(executor.get_ref(), &user, &client);
    Ok(json(StatusCode::OK, &options.await?))
}

/// `POST /account/passkeys/options`
pub(crate) async fn begin_registration(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    EnrollingUser(user): EnrollingUser<Form<ProofForm>>,
) -> Result<HttpResponse, HttpError> {
    let (Form(form), owner) = (user.rest, (user.user, user.session_id));
    let code = form.code();
    let request = form.into_request(owner, client)?;
    let options = auth.begin_passkey(executor.get_ref(), request, code);
    Ok(json(StatusCode::OK, &options.await?))
}

/// `POST /account/passkeys`
pub(crate) async fn register(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    client: Client,
    EnrollingUser(user): EnrollingUser<Form<NewPasskeyForm>>,
) -> Result<HttpResponse, HttpError> {
    let Form(form) = user.rest;
    let credential = form.credential.text("credential").map(str::to_owned);
    let name = form.name.parse("name", PasskeyName::parse);
    let (credential, name) = FormError::both(credential, name)?;
    let answer = NewPasskeyAnswer { credential, name };
    let owner = (user.user, user.session_id);
    let added = auth.add_passkey(executor.get_ref(), owner, answer, &client);
    let codes = added.await?.recovery_codes;
    let recovery_codes = codes.map(|codes| codes.iter().map(RecoveryCode::expose).collect());
    Ok(json(StatusCode::CREATED, &Added { recovery_codes }))
}

/// `GET /account/passkeys`: JSON, and in a browser the page.
pub(crate) async fn list(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    pages: Option<web::Data<Pages>>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    if pages.is_some() && prefers_html(request.headers()) {
        return pages::passkeys(auth, executor, request).await;
    }
    let (_, user) = session_of(&request).await.map_err(Refusal::plain)?;
    let passkeys = executor.run_read(move |auth| auth.passkeys(&user)).await;
    let passkeys = passkeys.map_err(|error| Refusal::plain(error.into()))?;
    let listed: Vec<ListedPasskey<'_>> = passkeys.iter().map(ListedPasskey::from).collect();
    let mut answer = HttpResponse::Ok();
    Ok(json_with(answer.insert_header((VARY, "Accept")), &listed))
}

/// `PUT /account/passkeys/{id}`
pub(crate) async fn rename(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    client: Client,
    CurrentUser {
        user,
        rest: Form(form),
        ..
    }: CurrentUser<Form<NameForm>>,
) -> Result<HttpResponse, HttpError> {
    let name = form.name.parse("name", PasskeyName::parse)?;
    let id = id(&request)?;
    executor
        .run_write(move |auth| auth.rename_passkey(&user, id, &name, &client))
        .await?;
    Ok(json(StatusCode::OK, &EmptyObject {}))
}

/// `DELETE /account/passkeys/{id}`
pub(crate) async fn remove(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    client: Client,
    user: CurrentUser<Form<ProofForm>>,
) -> Result<HttpResponse, HttpError> {
    let (Form(form), owner) = (user.rest, (user.user, user.session_id));
    let code = form.code();
    let owner = form.into_request(owner, client)?;
    let id = id(&request)?;
    let removed = auth.remove_passkey(executor.get_ref(), owner, id, code);
    removed.await?;
    Ok(json(StatusCode::OK, &EmptyObject {}))
}

/// The passkey that the path names.
fn id(request: &HttpRequest) -> Result<PasskeyId, HttpError> {
    let id = request.match_info().get("id").unwrap_or_default();
    let id = id.parse().ok().map(PasskeyId::new);
    id.ok_or(HttpError::Auth(AuthError::NoSuchPasskey))
}
