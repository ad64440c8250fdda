//! Applications behind a proxy: access by groups, and logins on their hosts.

mod attacks;
mod browsers;
mod group_deletion;
mod hand_over;
mod invitations;
mod rules;
mod second_factor;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::web;
use bienvenue::auth::{Auth, AuthError};
use bienvenue::db::DB;
use bienvenue::domain::{App as Application, Clock, IpNetworks, Origin, SessionId};
use url::Url;

use crate::support::app::{Answer, App, Setup};
use crate::support::{Engine, Place, email, settings};

const WIKI: &str = "https://wiki.example.org";
const SHOP: &str = "https://shop.example.net";
const LOGIN: &str = "https://login.example.org";

/// Behind a proxy on this machine, at `LOGIN`.
fn setup(engine: Engine) -> Option<Setup> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.http.https = true;
    setup.http.trusted_proxies = IpNetworks::loopback();
    setup.http.public_origin = Some(origin(LOGIN));
    Some(setup)
}

fn origin(text: &str) -> Origin {
    Origin::of_app(text).unwrap()
}

/// The database as an operator's command opens it.
fn operator(app: &App) -> DB {
    app.place
        .open(settings(&Clock::set_to(crate::support::START)))
}

/// Registers an application, with groups that are created.
fn add_app(db: &DB, name: &str, at: &str, groups: &[&str]) {
    let groups: Vec<_> = groups.iter().map(|group| group.parse().unwrap()).collect();
    for group in &groups {
        db.create_group(group).unwrap();
    }
    let new = Application {
        name: name.parse().unwrap(),
        origin: origin(at),
        groups,
        second_factor: false,
    };
    let added = db.add_app(&new).unwrap();
    assert_eq!(added, bienvenue::db::AppAddition::Added);
}

fn join(db: &DB, who: &str, group: &str) {
    let user = db.find_user_by(&email(who)).unwrap();
    let group = group.parse().unwrap();
    db.create_group(&group).unwrap();
    assert_eq!(db.add_member(&group, user.id).unwrap(), Some(true));
}

/// A question of the proxy, with headers and cookies.
fn question(path: &str, headers: &[(&str, &str)]) -> TestRequest {
    let mut request = TestRequest::with_uri(path).peer_addr("127.0.0.1:4000".parse().unwrap());
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    request
}

/// The headers of a proxy that passes on a request for a URL.
fn forwarded(url: &str) -> [(&'static str, String); 3] {
    let url = Url::parse(url).unwrap();
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap()),
        None => url.host_str().unwrap().to_owned(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    [
        ("X-Forwarded-Proto", url.scheme().to_owned()),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Uri", path),
    ]
}

trait Asks {
    /// Sends the question whether a request for a URL with these cookies may pass.
    async fn ask(&self, path: &str, url: &str, cookies: &str) -> Answer;
    async fn session(&self, who: &str) -> SessionId;
}

impl Asks for App {
    async fn ask(&self, path: &str, url: &str, cookies: &str) -> Answer {
        let headers = forwarded(url);
        let mut all: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        if !cookies.is_empty() {
            all.push(("Cookie", cookies));
        }
        self.send(question(path, &all)).await
    }

    async fn session(&self, who: &str) -> SessionId {
        let answer = self.log_in(who, "a_pwd").await;
        SessionId::parse(&answer.session_id()).unwrap()
    }
}

fn identity(answer: &Answer) -> [&str; 3] {
    ["remote-user", "remote-email", "remote-groups"]
        .map(|name| answer.header(name).expect("an identity header is missing"))
}

/// Status and error code.
fn verdict(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.header("bienvenue-error"))
}

const DENIED: (u16, Option<&str>) = (403, Some("access_denied"));
const LOGGED_OUT: (u16, Option<&str>) = (401, Some("not_logged_in"));
const PASSED: (u16, Option<&str>) = (200, None);

/// The cookie of that name that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers("set-cookie");
    let set = all
        .iter()
        .find(|set| set.starts_with(&format!("{name}=")))?;
    Some(set.split(';').next().unwrap().to_owned())
}

/// Where an answer redirects to.
fn location(answer: &Answer) -> Url {
    Url::parse(answer.header("location").unwrap()).unwrap()
}

/// The value of `next` for the login page.
fn next_of(login: &Url) -> String {
    let next = login.query_pairs().find(|(name, _)| name == "next");
    next.unwrap().1.into_owned()
}

/// Goes from a page of an application through the login to its host, and returns the cookie there.
async fn enter(app: &App, page: &str, session: &SessionId) -> String {
    let (enter, state) = code(app, page, session).await;
    let answer = app.ask(path_of(&enter), enter.as_str(), &state).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.body);
    assert_eq!(answer.header("location"), Some(page));
    cookie(&answer, "__Host-app_session").unwrap()
}

/// The same up to the code: the URL with it, and the cookie of the browser.
async fn code(app: &App, page: &str, session: &SessionId) -> (Url, String) {
    let answer = app.ask("/verify", page, "").await;
    assert_eq!(verdict(&answer), LOGGED_OUT);
    let state = cookie(&answer, "__Host-login_state").unwrap();
    let enter = open(&app.auth, &next_of(&location(&answer)), session);
    (enter, state)
}

/// The target to which the login page redirects for `next`.
fn open(auth: &web::Data<Auth>, next: &str, session: &SessionId) -> Url {
    let next = auth.app_url(next).unwrap().expect("it is registered");
    let page = auth.open_app(session, &next).unwrap();
    Url::parse(&page.to_string()).unwrap()
}

fn path_of(url: &Url) -> &str {
    &url[url::Position::BeforePath..]
}

/// A registered user who is logged in.
async fn user(app: &App, who: &str) -> SessionId {
    assert_eq!(app.register(who, "a_pwd").await.status.as_u16(), 201);
    app.session(who).await
}

/// A logout by the API.
async fn log_out(app: &App, session: &SessionId) {
    let cookie = format!("session_id={}", session.expose());
    let answer = app.with_cookie(Method::DELETE, "/sessions", &cookie).await;
    assert_eq!(answer.status.as_u16(), 200);
}
