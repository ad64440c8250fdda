//! The page with the user's passkeys. The script adds one.

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::message::Message;
use super::people::date;
use super::rows::cut;
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::auth::Auth;
use crate::domain::{PasskeyInfo, SessionUser};
use crate::http::{BlockingExecutor, Refusal};

/// How many passkeys one page lists at most.
const PAGE: usize = 3;

/// How many bytes they take at most, beside the form that adds one, the style sheet and the script.
const ROOM: usize = 1_600;

/// `GET /account/passkeys`, `GET /account/passkeys?after={id}` in a browser.
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let visit = Visit::of(&request).await?;
    // A passkey is a second factor, which a user may have to set up first.
    let SignedIn { user, .. } = SignedIn::enrolling(&request, &visit).await?;
    let listed = Listed::of(&executor, &visit, user).await?;
    let notice = visit.query("done").and_then(done);
    let after = visit.query("after");
    let mut answer = visit.show(&listed.view(&auth, after).notice(notice))?;
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// What the page lists.
struct Listed {
    passkeys: Vec<PasskeyInfo>,
    factors: Vec<&'static str>,
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
        })
    }

    /// The page behind the passkey `after`: the first one, where there is none with that id.
    fn view(&self, auth: &Auth, after: Option<&str>) -> View {
        let is_last = |key: &PasskeyInfo| after == Some(&*key.id.get().to_string());
        let start = self
            .passkeys
            .iter()
            .position(is_last)
            .map_or(0, |at| at + 1);
        let mut page: Vec<_> = self.passkeys.iter().skip(start).collect();
        let last = cut(&mut page, PAGE, ROOM, |key| 450 + key.name.as_str().len());
        let last = last.map(|key| key.id.get());
        let data = context! {
            passkeys => page.into_iter().map(shown).collect::<Vec<_>>(),
            after => last,
            has_factor => !self.factors.is_empty(),
            has_app => self.factors.contains(&"totp"),
            can_add => auth.has_passkeys(),
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
        "gone" => "error.passkey_not_found",
        _ => return None,
    };
    Some(Message::new(key))
}
