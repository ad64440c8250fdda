//! The page with the user's passkeys. The script adds one; the forms name and remove them.

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::field::Field;
use super::message::Message;
use super::owner_post::OwnerPost;
use super::people::date;
use super::posted_form::Posted;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::domain::{PasskeyId, PasskeyInfo, PasskeyName, SessionUser};
use crate::http::{BlockingExecutor, FormError, HttpError, Refusal};

/// `GET /account/passkeys` in a browser.
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let visit = Visit::of(&request).await?;
    let SignedIn { user, .. } = SignedIn::of(&request, &visit).await?;
    let listed = Listed::of(&executor, &visit, user).await?;
    let notice = visit.query("done").and_then(done);
    let mut answer = visit.show(&listed.view(&auth).notice(notice))?;
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// What the page lists.
struct Listed {
    passkeys: Vec<PasskeyInfo>,
    factors: Vec<&'static str>,
    /// The passkey whose removal failed. Its form shows the fields of the view.
    failed: Option<PasskeyId>,
}

impl Listed {
    async fn of(
        executor: &BlockingExecutor,
        visit: &Visit,
        user: SessionUser,
    ) -> Result<Self, Refusal> {
        let found = executor
            .run_read(move |auth| Ok((auth.passkeys(&user)?, auth.second_factor_status(user.id)?)));
        let found = found.await;
        let (passkeys, status) = found.map_err(|error| visit.error(error.into()))?;
        Ok(Self {
            passkeys,
            factors: status.factors,
            failed: None,
        })
    }

    fn has_app(&self) -> bool {
        self.factors.contains(&"totp")
    }

    fn view(&self, auth: &Auth) -> View {
        let data = context! {
            passkeys => self.passkeys.iter().map(shown).collect::<Vec<_>>(),
            has_factor => !self.factors.is_empty(),
            has_app => self.has_app(),
            can_add => auth.has_passkeys(),
            failed => self.failed.map(PasskeyId::get),
        };
        let view = View::new("account_passkeys.html", "passkeys.title");
        view.script(auth.has_passkeys()).data(data)
    }
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
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
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

/// `POST /account/passkeys/remove`: on a mistake the page again, with the errors in the form of
/// the passkey.
pub(crate) async fn remove(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let id = id(post.form.hidden("id").as_deref().map(String::as_str));
    let id = id.map_err(|error| post.visit.error(error))?;
    let user = post.signed_in.user.clone();
    let listed = Listed::of(&executor, &post.visit, user).await?;
    let recovery = !listed.has_app();
    let failed = Some(id);
    let listed = Listed { failed, ..listed };
    let view = |fields: Vec<Field>, _: &SignedIn| listed.view(&auth).fields(fields);
    let current = post.take_current_password();
    let code = post.form.take(Field::second_factor(recovery), |text| {
        Ok::<_, FormError>(SecondFactorCode::of_kind(recovery, text))
    });
    let (Some(current), Some(code)) = (current, code) else {
        return Err(post.invalid(view));
    };
    let request = post.request(current);
    let removed = auth.remove_passkey(executor.get_ref(), request, id, Some(code));
    match removed.await {
        Ok(()) => Ok(see_other("/account/passkeys?done=removed").finish()),
        Err(error @ AuthError::NoSuchPasskey) => Err(post.visit.error(error.into())),
        Err(error) => Err(post.refused_with_factor(error, view)),
    }
}

/// The passkey that a form names.
fn id(text: Option<&str>) -> Result<PasskeyId, HttpError> {
    let id = text.and_then(|text| text.parse().ok()).map(PasskeyId::new);
    id.ok_or(HttpError::Auth(AuthError::NoSuchPasskey))
}
