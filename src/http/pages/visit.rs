//! A visit to a page: the values that its handler needs, and the responses that it gives.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::future::LocalBoxFuture;
use url::form_urlencoded;

use super::Pages;
use super::message::Message;
use super::next::{ACCOUNT, Next, SECOND_FACTOR, with_query};
use super::view::View;
use crate::auth::AuthError;
use crate::domain::Language;
use crate::domain::SessionId;
use crate::http::content_kind::ContentKind;
use crate::http::representation::language_of;
use crate::http::{BlockingExecutor, HttpError, HttpSettings, Refusal};

/// A request for a page.
#[derive(Clone)]
pub(crate) struct Visit {
    pages: web::Data<Pages>,
    pub(crate) settings: web::Data<HttpSettings>,
    executor: web::Data<BlockingExecutor>,
    language: Language,
    query: Vec<(String, String)>,
    /// Where the last step leads.
    pub(crate) next: Option<Next>,
}

impl Visit {
    /// Reads what a request says about the page that it wants.
    ///
    /// # Errors
    /// A refusal of an application without pages.
    pub(crate) async fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let pages = request.app_data::<web::Data<Pages>>();
        let settings = request.app_data::<web::Data<HttpSettings>>();
        let executor = request.app_data::<web::Data<BlockingExecutor>>();
        let (Some(pages), Some(settings), Some(executor)) = (pages, settings, executor) else {
            return Err(Refusal::plain(HttpError::NotFound));
        };
        let query = form_urlencoded::parse(request.query_string().as_bytes());
        let query: Vec<(String, String)> = query.into_owned().collect();
        let mut nexts = query.iter().filter(|(name, _)| name == "next");
        // Two are none: software in between may have read the other one.
        let next = match (nexts.next(), nexts.next()) {
            (Some((_, next)), None) => Next::read(next, executor).await,
            _ => None,
        };
        Ok(Self {
            pages: pages.clone(),
            settings: settings.clone(),
            executor: executor.clone(),
            language: language_of(request.headers()),
            query,
            next,
        })
    }

    /// The language of the page.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// A value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        let found = query.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The page.
    pub(crate) fn show(&self, view: &View) -> Result<HttpResponse, Refusal> {
        let mut answer = HttpResponse::Ok();
        self.finish(&mut answer, view)
    }

    /// The page with a status of its own, for an invalid link.
    pub(crate) fn show_as(&self, status: StatusCode, view: &View) -> Result<HttpResponse, Refusal> {
        self.finish(&mut HttpResponse::build(status), view)
    }

    fn finish(
        &self,
        answer: &mut HttpResponseBuilder,
        view: &View,
    ) -> Result<HttpResponse, Refusal> {
        let html = self.html(view).map_err(Refusal::plain)?;
        let mut answer = answer.content_type("text/html; charset=utf-8").body(html);
        answer.extensions_mut().insert(self.content_kind(view));
        Ok(answer)
    }

    fn content_kind(&self, view: &View) -> ContentKind {
        ContentKind::Page {
            leads_to: self.next.as_ref().and_then(Next::origin).cloned(),
            has_script: view.has_script,
        }
    }

    fn html(&self, view: &View) -> Result<String, HttpError> {
        let rendered = self.pages.render(self.language, view, self.next.as_ref());
        rendered.map_err(|error| {
            log::error!("a page cannot be written: {error}");
            HttpError::PageNotWritten
        })
    }

    /// The page again, with the errors of its fields.
    pub(crate) fn invalid(&self, view: View) -> Refusal {
        let wrong = view.fields.iter().find_map(|field| field.wrong.as_ref());
        let code = wrong.map_or("malformed_body", |wrong| wrong.code);
        let view = view.alert(Message::new("alert.fields"));
        self.refusal(HttpError::InvalidFields(code), &view)
    }

    /// The page again, with the errors of its fields, and with the status and code of an error.
    pub(crate) fn invalid_as(&self, view: View, error: HttpError) -> Refusal {
        let view = view.alert(Message::new("alert.fields"));
        self.refusal(error, &view)
    }

    /// The page again, with the error above its form.
    pub(crate) fn refuse(&self, view: View, error: HttpError) -> Refusal {
        let message = Message::of_error(&error.describe());
        self.refuse_with(view, error, message)
    }

    /// The page again, with a text of its own for the error above its form.
    pub(crate) fn refuse_with(&self, view: View, error: HttpError, message: Message) -> Refusal {
        self.refusal(error, &view.alert(message))
    }

    /// A page that shows only the error.
    pub(crate) fn error(&self, error: HttpError) -> Refusal {
        let view = super::error_page::view(&error.describe());
        self.refusal(error, &view)
    }

    fn refusal(&self, error: HttpError, view: &View) -> Refusal {
        match self.html(view) {
            Ok(html) => Refusal::page(error, html, self.content_kind(view)),
            Err(error) => Refusal::plain(error),
        }
    }

    /// Leads to where the last step leads. A second factor comes first where the application asks
    /// for one: by a login, or by setting one up.
    pub(crate) async fn go_on(&self, session_id: SessionId) -> HttpResponseBuilder {
        let Some(next) = &self.next else {
            return see_other(ACCOUNT);
        };
        match next.opened(session_id, &self.executor).await {
            Ok(location) => see_other(&location),
            Err(AuthError::EnrolmentRequired) => {
                see_other(&self.path_with_next(SECOND_FACTOR, &[]))
            }
            Err(AuthError::StepUpRequired) => self.go_to("/login", ("reason", "step_up")),
            // The login is done, whatever became of the application.
            Err(_) => see_other(ACCOUNT),
        }
    }

    /// Takes `next` from a form.
    pub(crate) async fn set_next(&mut self, text: &str) {
        self.next = Next::read(text, &self.executor).await;
    }

    /// Leads to another page, with `next`.
    pub(crate) fn go_to(&self, path: &str, pair: (&str, &str)) -> HttpResponseBuilder {
        see_other(&self.path_with_next(path, &[pair]))
    }

    /// A path with a query, and `next` in it.
    pub(crate) fn path_with_next(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let next = self.next.as_ref().map(|next| ("next", next.location()));
        let pairs = pairs.iter().copied().filter(|(_, value)| !value.is_empty());
        with_query(path, pairs.chain(next))
    }
}

/// 303: the browser sends a GET to the target, after any method.
pub(crate) fn see_other(location: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, location));
    answer
}

impl FromRequest for Visit {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}
