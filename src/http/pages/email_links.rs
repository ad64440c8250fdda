//! The pages of mailed links about an account: one verifies, changes or restores an address, one
//! takes the account back after a change of second factors.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::mailed_token::{TokenPage, UNDO, VERIFY_EMAIL};
use super::message::Message;
use super::posted_form::Posted;
use super::view::View;
use super::visit::{Visit, see_other};
use crate::auth::{AuthError, EmailLinkToken, EmailOutcome, VerifiedEmail};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::response::with_user_id;
use crate::http::{BlockingExecutor, Refusal};

/// A page with one button that uses the token of its link.
struct LinkPage {
    link: TokenPage,
    template: &'static str,
    title: &'static str,
    done_title: &'static str,
    /// The message about what was done, by its code in the query. Unknown codes give none.
    done: fn(&str) -> Option<Message>,
}

const VERIFY_PAGE: LinkPage = LinkPage {
    link: VERIFY_EMAIL,
    template: "verify_email.html",
    title: "verify.title",
    done_title: "verify.done_title",
    done: |code| {
        let key = match code {
            "verified" => "verify.done.verified",
            "changed" => "verify.done.changed",
            "restored" => "verify.done.restored",
            "taken_back" => "undo.done",
            _ => return None,
        };
        Some(Message::new(key))
    },
};

const UNDO_PAGE: LinkPage = LinkPage {
    link: UNDO,
    template: "undo.html",
    title: "undo.title",
    done_title: "undo.done_title",
    done: |_| Some(Message::new("undo.done")),
};

/// `GET /verify-email`, `GET /verify-email?token=`
pub(crate) async fn show_verify(
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    VERIFY_PAGE.show(&request, &visit)
}

/// `GET /undo`, `GET /undo?token=`
pub(crate) async fn show_undo(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    UNDO_PAGE.show(&request, &visit)
}

/// `POST /verify-email`
pub(crate) async fn verify(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, _): Posted,
) -> Result<HttpResponse, Refusal> {
    let token = VERIFY_PAGE.token(&request);
    let session = SessionCookie::read(&request);
    let verify = executor
        .run_write(move |auth| auth.verify_email(token.as_ref(), session.as_ref(), &client));
    VERIFY_PAGE.answer(&visit, verify.await, |outcome| match outcome {
        EmailOutcome::Verified => "verified",
        EmailOutcome::Changed => "changed",
        EmailOutcome::Restored => "restored",
        EmailOutcome::TakenBack => "taken_back",
    })
}

/// `POST /undo`
pub(crate) async fn undo(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, _): Posted,
) -> Result<HttpResponse, Refusal> {
    let token = UNDO_PAGE.token(&request);
    let undo = executor.run_write(move |auth| auth.take_account_back(token.as_ref(), &client));
    UNDO_PAGE.answer(&visit, undo.await, |_| "1")
}

impl LinkPage {
    fn show(&self, request: &HttpRequest, visit: &Visit) -> Result<HttpResponse, Refusal> {
        // A link comes first, so a query with both `token` and `done` does not show the message.
        let done = visit
            .query("done")
            .filter(|_| visit.query("token").is_none());
        if let Some(done) = done.and_then(self.done) {
            return visit.show(&self.view(self.done_title, false).message(done));
        }
        if let Some(answer) = self.link.before_form(request, visit, &self.without_token()) {
            return answer;
        }
        visit.show(&self.view(self.title, true))
    }

    fn token(&self, request: &HttpRequest) -> Option<EmailLinkToken> {
        EmailLinkToken::parse(&self.link.token(request)?)
    }

    /// Leads to the page that says what was done.
    fn answer(
        &self,
        visit: &Visit,
        used: Result<VerifiedEmail, AuthError>,
        code: fn(EmailOutcome) -> &'static str,
    ) -> Result<HttpResponse, Refusal> {
        let used = used.map_err(|error| visit.refuse(self.without_token(), error.into()))?;
        let code = code(used.outcome);
        let mut answer = see_other(&format!("{}?done={code}", self.link.path));
        answer.cookie(self.link.clearing(&visit.settings));
        Ok(with_user_id(used.user, answer.finish()))
    }

    fn without_token(&self) -> View {
        let message = Message::new("verify.no_token");
        self.view(self.title, false).message(message)
    }

    fn view(&self, title: &'static str, usable: bool) -> View {
        View::new(self.template, title).data(context! { usable })
    }
}
