//! The service in the test's process, over the routes of the server.

use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use actix_service::boxed::{self, BoxService};
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, test, web};
use bienvenue::auth::{Auth, AuthSettings, ThrottleSettings};
use bienvenue::db::DbSettings;
use bienvenue::domain::{BcryptCost, Clock, PasswordSettings};
use bienvenue::http::{HttpApp, HttpSettings, PageSettings, Pages};
use bienvenue::mail::{Mailer, Templates};
use bienvenue::secret_key::KeyFile;
use serde_json::Value;

use super::mailbox::{Mailbox, templates};
use super::openapi;
use super::{Place, START, settings};

/// The service in this process, over the routes of the server.
pub(crate) struct App {
    service: BoxService<actix_http::Request, ServiceResponse, Error>,
    pub(crate) auth: web::Data<Auth>,
    pub(crate) mails: Mailbox,
    pub(crate) clock: Clock,
    /// Goes away last: threads of a service whose database is dropped wait seconds for another connection.
    pub(crate) place: Rc<Place>,
}

/// Hashing that takes a millisecond, and as many guesses as a test likes.
pub(crate) fn quick() -> AuthSettings {
    AuthSettings {
        passwords: PasswordSettings {
            bcrypt_cost: BcryptCost::MINIMUM,
            ..PasswordSettings::default()
        },
        throttle: ThrottleSettings::off(),
        mail_spread: Duration::ZERO,
        ..AuthSettings::default()
    }
}

/// The settings of a service in a test.
pub(crate) struct Setup {
    pub(crate) place: Rc<Place>,
    pub(crate) clock: Clock,
    pub(crate) db: DbSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) http: HttpSettings,
    /// None for a service of programs alone.
    pub(crate) pages: Option<PageSettings>,
    /// Whether mails are sent to [`App::mails`]; else they wait in the outbox.
    pub(crate) sends_mails: bool,
    /// Where mails go otherwise, and what they are made of.
    pub(crate) mails: Option<(Mailer, Templates)>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::at(Place::new())
    }

    pub(crate) fn at(place: Place) -> Self {
        let clock = Clock::set_to(START);
        Self {
            place: Rc::new(place),
            db: settings(&clock),
            clock,
            auth: quick(),
            http: HttpSettings::default(),
            pages: Some(PageSettings::default()),
            sends_mails: false,
            mails: None,
        }
    }

    /// Starts the service on whatever is in the place already.
    pub(crate) async fn start(self) -> App {
        let db = self.place.open(self.db);
        let mails = Mailbox::default();
        let own = || (mails.mailer(), templates());
        let keys = KeyFile::beside(&self.place.path("bienvenue.db"));
        let mut auth = Auth::new(db, self.auth).unwrap().with_secret_keys(keys);
        if let Some((mailer, templates)) = self.mails.or_else(|| self.sends_mails.then(own)) {
            auth = auth.with_mails(mailer, templates).unwrap();
        }
        let auth = web::Data::new(auth);
        let http = HttpApp::new(auth.clone(), self.http);
        let http = match self.pages {
            Some(settings) => http.with_pages(pages(settings)),
            None => http,
        };
        App {
            place: self.place,
            clock: self.clock,
            auth,
            mails,
            service: boxed::service(test::init_service(http.app()).await),
        }
    }
}

/// The pages of these settings. To read and check the templates takes longer than most tests.
fn pages(settings: PageSettings) -> Pages {
    static DEFAULT: LazyLock<Pages> =
        LazyLock::new(|| Pages::new(PageSettings::default()).unwrap());
    if settings == PageSettings::default() {
        DEFAULT.clone()
    } else {
        Pages::new(settings).unwrap()
    }
}

/// Starts the service with nothing set.
pub(crate) async fn app() -> App {
    Setup::new().start().await
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The names of the headers, in order.
    pub(crate) fn header_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Its head and body as HTTP/1.1 sends them; the server adds the lines of length and date.
    pub(crate) fn bytes_on_the_wire(&self) -> usize {
        let lines = self.headers.iter();
        let lines = lines.map(|(name, value)| name.len() + ": ".len() + value.len() + "\r\n".len());
        let added = "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n".len()
            + "date: Fri, 27 Nov 2026 19:40:00 GMT\r\n".len();
        lines.sum::<usize>() + added + self.body.len()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and body in one line, as the tests compare them.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.body.trim_end())
    }

    pub(crate) fn session_id(&self) -> String {
        self.json()["session_id"].as_str().unwrap().to_owned()
    }
}

impl App {
    pub(crate) async fn send(&self, request: test::TestRequest) -> Answer {
        let request = request.to_request();
        let method = request.method().clone();
        let answer = test::call_service(&self.service, request).await;
        let route = answer.request().match_pattern();
        openapi::note(&method, route.as_deref(), answer.status());
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = test::read_body(answer).await;
        Answer {
            status,
            body: String::from_utf8(body.to_vec()).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
        }
    }

    pub(crate) async fn form(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let request = test::TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(body.into());
        self.send(request).await
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Answer {
        self.form(Method::POST, "/users", fields(email, password))
            .await
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.form(Method::POST, "/sessions", fields(email, password))
            .await
    }

    pub(crate) async fn with_cookie(&self, method: Method, path: &str, cookie: &str) -> Answer {
        let request = test::TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Cookie", cookie));
        self.send(request).await
    }

    pub(crate) async fn profile(&self, session_id: &str) -> Answer {
        self.with_cookie(Method::GET, "/profile", &format!("session_id={session_id}"))
            .await
    }

    pub(crate) async fn log_out(&self, session_id: &str) -> Answer {
        self.with_cookie(
            Method::DELETE,
            "/sessions",
            &format!("session_id={session_id}"),
        )
        .await
    }

    /// Posts a form of a user who is logged in.
    pub(crate) async fn as_user(
        &self,
        session_id: &str,
        method: Method,
        path: &str,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let request = test::TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("session_id={session_id}")))
            .set_payload(body.into());
        self.send(request).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// The fields of a login, url-encoded.
pub(crate) fn fields(email: &str, password: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    format!("email={}&password={}", encode(email), encode(password))
}
