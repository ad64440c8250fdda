//! The page with the user's passkeys. The script adds one; the forms name and remove them.

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::message::Message;
use super::people::date;
use super::posted_form::Posted;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{Auth, AuthError, OwnerRequest, SecondFactorCode};
use crate::domain::{PasskeyId, PasskeyInfo, PasskeyName, Password};
use crate::http::{BlockingExecutor, FormError, HttpError, Refusal};

/// `GET /account/passkeys` in a browser.
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let visit = Visit::of(&request).await?;
    let SignedIn { user, .. } = SignedIn::of(&request, &visit).await?;
    let found = executor
        .run_read(move |auth| Ok((auth.passkeys(&user)?, auth.second_factor_status(user.id)?)))
        .await
        .map_err(|error: AuthError| visit.error(error.into()))?;
    let (passkeys, status) = found;
    let data = context! {
        passkeys => passkeys.iter().map(shown).collect::<Vec<_>>(),
        has_factor => !status.factors.is_empty(),
        has_app => status.factors.contains(&"totp"),
        can_add => auth.has_passkeys(),
    };
    let view = View::new("account_passkeys.html", "passkeys.title");
    let notice = visit.query("done").and_then(done);
    let view = view.script(auth.has_passkeys()).notice(notice);
    let mut answer = visit.show(&view.data(data))?;
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

fn shown(passkey: &PasskeyInfo) -> Value {
    context! {
        id => passkey.id.get(),
        name => passkey.name.as_str(),
        backed_up => passkey.backed_up,
        created_at => date(passkey.created_at),
        last_used_at => passkey.last_used_at.map(date),
    }
}

/// What was done. Any other text says nothing.
fn done(code: &str) -> Option<Message> {
    let key = match code {
        "added" => "passkeys.added",
        "renamed" => "passkeys.renamed",
        "removed" => "passkeys.removed",
        _ => return None,
    };
    Some(Message::new(key))
}

/// `POST /account/passkeys/name`
pub(crate) async fn rename(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let Posted {
        visit,
        client,
        mut form,
    } = posted;
    let SignedIn { user, .. } = SignedIn::of(&request, &visit).await?;
    let id = id(form.hidden("id").as_deref().map(String::as_str));
    let id = id.map_err(|error| visit.error(error))?;
    let name = form.hidden("name").unwrap_or_default();
    let name = PasskeyName::parse(&name).map_err(FormError::from);
    let name = name.map_err(|error| visit.error(error.into()))?;
    executor
        .run_write(move |auth| auth.rename_passkey(&user, id, &name, &client))
        .await
        .map_err(|error| visit.error(error.into()))?;
    Ok(see_other("/account/passkeys?done=renamed").finish())
}

/// `POST /account/passkeys/remove`
pub(crate) async fn remove(
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
    let SignedIn { session_id, user } = SignedIn::of(&request, &visit).await?;
    let id = id(form.hidden("id").as_deref().map(String::as_str));
    let id = id.map_err(|error| visit.error(error))?;
    let password = form.hidden("current_password").unwrap_or_default();
    let password = Password::parse(&password).map_err(FormError::from);
    let (otp, recovery) = (form.hidden("otp"), form.hidden("recovery_code"));
    let otp = otp.map(|text| SecondFactorCode::totp(&text));
    let request = OwnerRequest {
        owner: user,
        session_id,
        current_password: password.map_err(|error| visit.error(error.into()))?,
        client,
    };
    let code = otp.or_else(|| recovery.map(|text| SecondFactorCode::recovery(&text)));
    let removed = auth.remove_passkey(executor.get_ref(), request, id, code);
    removed.await.map_err(|error| visit.error(error.into()))?;
    Ok(see_other("/account/passkeys?done=removed").finish())
}

/// The passkey that a form names.
fn id(text: Option<&str>) -> Result<PasskeyId, HttpError> {
    let id = text.and_then(|text| text.parse().ok()).map(PasskeyId::new);
    id.ok_or(HttpError::Auth(AuthError::NoSuchPasskey))
}
