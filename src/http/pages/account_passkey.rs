//! The pages of one passkey: its name, and its removal.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::next::with_query;
use super::owner_post::OwnerPost;
use super::posted_form::Posted;
use super::session::SignedIn;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{Auth, AuthError, SecondFactorCode};
use crate::domain::{PasskeyId, PasskeyInfo, PasskeyName, SessionUser};
use crate::http::{BlockingExecutor, FormError, Refusal};

const RENAME: &str = "/account/passkeys/name";
const REMOVE: &str = "/account/passkeys/remove";

/// `GET /account/passkeys/name?id=`
pub(crate) async fn show_name(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { user, .. } = SignedIn::of(&request, &visit).await?;
    let Some(One { passkey, .. }) = One::of(&executor, &visit, user, visit.query("id")).await?
    else {
        return Ok(gone());
    };
    let field = Field::passkey_name().filled(passkey.name.as_str());
    visit.show(&name_view(&passkey, vec![field]))
}

/// `POST /account/passkeys/name`
pub(crate) async fn rename(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { user, .. } = SignedIn::of(&request, &visit).await?;
    let id = form.hidden("id");
    let id = id.as_deref().map(String::as_str);
    let Some(One { passkey, .. }) = One::of(&executor, &visit, user.clone(), id).await? else {
        return Ok(gone());
    };
    let Some(name) = form.take(Field::passkey_name(), PasskeyName::parse) else {
        return Err(visit.invalid(name_view(&passkey, form.into_fields())));
    };
    let id = passkey.id;
    let renamed = executor
        .run_write(move |auth| auth.rename_passkey(&user, id, &name, &client))
        .await;
    match renamed {
        Ok(()) => Ok(see_other("/account/passkeys?done=renamed").finish()),
        Err(AuthError::NoSuchPasskey) => Ok(gone()),
        Err(error) => Err(visit.refuse(name_view(&passkey, form.into_fields()), error.into())),
    }
}

/// `GET /account/passkeys/remove?id=`, `GET /account/passkeys/remove?id=&recovery=1`
pub(crate) async fn show_remove(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::of(&request, &visit).await?;
    let user = signed_in.user.clone();
    let Some(one) = One::of(&executor, &visit, user, visit.query("id")).await? else {
        return Ok(gone());
    };
    let recovery = !one.has_app || visit.query("recovery").is_some();
    let fields = vec![Field::current_password(), Field::second_factor(recovery)];
    visit.show(&one.remove_view(fields, &signed_in, recovery))
}

/// `POST /account/passkeys/remove`
pub(crate) async fn remove(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    mut post: OwnerPost,
) -> Result<HttpResponse, Refusal> {
    let id = post.form.hidden("id");
    let id = id.as_deref().map(String::as_str);
    let user = post.signed_in.user.clone();
    let Some(one) = One::of(&executor, &post.visit, user, id).await? else {
        return Ok(gone());
    };
    let recovery = !one.has_app || post.form.hidden("recovery").is_some();
    let view = |fields, signed_in: &SignedIn| one.remove_view(fields, signed_in, recovery);
    let current = post.take_current_password();
    let code = post.form.take(Field::second_factor(recovery), |text| {
        Ok::<_, FormError>(SecondFactorCode::of_kind(recovery, text))
    });
    let (Some(current), Some(code)) = (current, code) else {
        return Err(post.invalid(view));
    };
    let request = post.request(current);
    let removed = auth.remove_passkey(executor.get_ref(), request, one.passkey.id, Some(code));
    match removed.await {
        Ok(()) => Ok(see_other("/account/passkeys?done=removed").finish()),
        Err(AuthError::NoSuchPasskey) => Ok(gone()),
        Err(error) => Err(post.refused_with_factor(error, view)),
    }
}

/// Leads to the list, which says that the passkey is not there: it was removed meanwhile, or the
/// form was sent twice.
fn gone() -> HttpResponse {
    see_other("/account/passkeys?done=gone").finish()
}

/// A passkey of the user.
struct One {
    passkey: PasskeyInfo,
    has_app: bool,
}

impl One {
    /// The passkey that a page or a form names; none if the user has no such passkey.
    async fn of(
        executor: &BlockingExecutor,
        visit: &Visit,
        user: SessionUser,
        id: Option<&str>,
    ) -> Result<Option<Self>, Refusal> {
        let id = id.and_then(|text| text.parse().ok()).map(PasskeyId::new);
        let found = executor
            .run_read(move |auth| Ok((auth.passkeys(&user)?, auth.second_factor_status(user.id)?)));
        let found = found.await;
        let (passkeys, status) = found.map_err(|error| visit.error(error.into()))?;
        let mut passkeys = passkeys.into_iter();
        let passkey = passkeys.find(|passkey| Some(passkey.id) == id);
        let has_app = status.totp_since.is_some();
        Ok(passkey.map(|passkey| Self { passkey, has_app }))
    }

    fn remove_view(&self, fields: Vec<Field>, signed_in: &SignedIn, recovery: bool) -> View {
        let id = self.passkey.id.get().to_string();
        let recovery_of_other = if recovery { "" } else { "1" };
        let pairs = [("id", id.as_str()), ("recovery", recovery_of_other)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        View::new("account_passkey.html", "passkeys.remove_title")
            .fields(fields)
            .data(context! {
                id => id.as_str(),
                name => self.passkey.name.as_str(),
                email => signed_in.user.email.as_str(),
                intro => "passkeys.remove_intro",
                action => REMOVE,
                submit => "passkeys.remove",
                danger => true,
                recovery => recovery && self.has_app,
                other => self.has_app.then(|| with_query(REMOVE, pairs)),
            })
    }
}

fn name_view(passkey: &PasskeyInfo, fields: Vec<Field>) -> View {
    View::new("account_passkey.html", "passkeys.rename_title")
        .fields(fields)
        .data(context! {
            id => passkey.id.get(),
            name => passkey.name.as_str(),
            email => (),
            intro => "passkeys.rename_intro",
            action => RENAME,
            submit => "passkeys.rename",
            danger => false,
            recovery => false,
            other => (),
        })
}
