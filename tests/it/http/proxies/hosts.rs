//! Two applications on two hosts behind a real proxy, configured by what `bienvenue app` prints.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderValue;
use bienvenue::auth::Auth;
use bienvenue::domain::{Clock, SessionId};
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use rstest::rstest;
use tempfile::TempDir;
use url::Url;

use super::sites::Proxy;
use super::values;
use crate::support::app::quick;
use crate::support::echo::start_application;
use crate::support::guide::{Machine, blocks, section};
use crate::support::program::{Server, raw, run, told};
use crate::support::{Place, has_tool, settings};

const LOGIN: &str = "login.localhost";
const WIKI: &str = "wiki.localhost";
const SHOP: &str = "shop.localhost";
const HTML: (&str, &str) = ("Accept", "text/html,*/*;q=0.8");
const BOB: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];

/// The service, a proxy, and an application behind each of two hosts. The login page's host is
/// the service alone.
struct Hosts {
    place: Place,
    server: Server,
    proxy: Child,
    address: SocketAddr,
    _root: TempDir,
}

impl Hosts {
    fn start(kind: Proxy) -> Option<Self> {
        if !kind.is_there() {
            return None;
        }
        let application = start_application();
        for _ in 0..5 {
            if let Some(hosts) = Self::try_start(kind, &application) {
                return Some(hosts);
            }
        }
        panic!("{kind:?} does not start");
    }

    fn try_start(kind: Proxy, application: &str) -> Option<Self> {
        let place = Place::new();
        let root = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let port = address.port();
        let url = format!("--public-url=http://{LOGIN}:{port}");
        let server = Server::start_with(&place, &[&url, "--trusted-proxies=127.0.0.1"]);
        let bind = server.address.clone();
        let command = |arguments: &[&str]| {
            let mut all = vec![url.as_str(), "--bind", &bind];
            all.extend(arguments);
            let output = run(place.folder(), &all);
            assert!(output.status.success(), "{}", told(&output));
            String::from_utf8(output.stdout).unwrap()
        };
        // As docs/deploy.md says: a group, and the applications.
        command(&["group", "create", "staff"]);
        let proxy = kind.name();
        let app = |name: &str, host: &str, groups: &[&str]| {
            let at = format!("http://{host}:{port}");
            let mut arguments = vec!["app", "add", name, &at, "--proxy", proxy];
            arguments.extend(groups);
            let text = command(&arguments).replace("127.0.0.1:8080", application);
            assert!(text.contains(&bind), "{text}");
            text
        };
        let wiki = app("wiki", WIKI, &["--group", "staff"]);
        let shop = app("shop", SHOP, &[]);
        let own = kind.own_site(&format!("{LOGIN}:{port}"), &bind);
        let mut command = kind.command(root.path(), address, &own, &[wiki, shop]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::File::create(root.path().join("log")).unwrap();
        let mut proxy = command.stderr(log).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if proxy.try_wait().unwrap().is_some() || Instant::now() > deadline {
                drop(proxy.kill());
                drop(proxy.wait());
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            place,
            server,
            proxy,
            address,
            _root: root,
        })
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    fn browser(&self) -> Browser {
        let mut client = Client::builder().redirect(Policy::none());
        for host in [LOGIN, WIKI, SHOP] {
            client = client.resolve(host, self.address);
        }
        Browser {
            client: client.build().unwrap(),
            cookies: Mutex::default(),
        }
    }

    /// A browser of a new user who is logged in at the login page's host.
    fn logged_in(&self) -> (Browser, SessionId) {
        let browser = self.browser();
        let post = |path| {
            let form = browser.client.post(self.url(LOGIN, path)).form(&BOB);
            form.send().unwrap()
        };
        post("/users");
        let login = post("/sessions");
        browser.keep(LOGIN, &login);
        let login: serde_json::Value = login.json().unwrap();
        let id = SessionId::parse(login["session_id"].as_str().unwrap()).unwrap();
        (browser, id)
    }

    /// The target to which the login page redirects a browser that is logged in.
    fn after_login(&self, login: &str, session: &SessionId) -> String {
        let login = Url::parse(login).unwrap();
        assert_eq!(login.host_str(), Some(LOGIN));
        assert_eq!(login.path(), "/login");
        let next = login.query_pairs().next().unwrap().1.into_owned();
        let db = self.place.open(settings(&Clock::system()));
        let auth = Auth::new(db, quick()).unwrap();
        let next = auth.app_url(&next).unwrap().unwrap();
        auth.open_app(session, &next).unwrap().to_string()
    }

    /// Opens a page as a browser does, through the login, and returns what the application got.
    fn open(&self, browser: &Browser, url: &str, session: &SessionId) -> String {
        let redirect = browser.get(url, &[HTML]);
        assert_eq!(redirect.status(), 303);
        let enter = self.after_login(&location(&redirect), session);
        let entered = browser.get(&enter, &[HTML]);
        assert_eq!(entered.status(), 303, "{:?}", entered.text());
        assert_eq!(
            location(&entered),
            url,
            "back to the page that was asked for"
        );
        let page = browser.get(url, &[HTML]);
        assert_eq!(page.status(), 200);
        page.text().unwrap().to_lowercase()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let pid = self.proxy.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.proxy.wait());
    }
}

/// A client with a jar of cookies for each host, as a browser has.
struct Browser {
    client: Client,
    cookies: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl Browser {
    fn keep(&self, host: &str, answer: &Response) {
        let mut all = self.cookies.lock().unwrap();
        let jar = all.entry(host.to_owned()).or_default();
        for set in answer.headers().get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(!set.to_lowercase().contains("domain="), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
    }

    fn jar(&self, host: &str) -> String {
        let all = self.cookies.lock().unwrap();
        let jar = all.get(host).cloned().unwrap_or_default();
        let pairs: Vec<_> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    fn get(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        let host = Url::parse(url).unwrap().host_str().unwrap().to_owned();
        let mut request = self.client.get(url);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_str(value).unwrap().as_bytes());
        }
        let cookies = self.jar(&host);
        if !cookies.is_empty() {
            request = request.header("Cookie", cookies);
        }
        let answer = request.send().unwrap();
        self.keep(&host, &answer);
        answer
    }
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Runs the commands of the guide, and lets nginx check what they write.
#[test]
fn guide_writes_configurations_that_nginx_accepts() {
    if !has_tool("nginx") {
        return;
    }
    let machine = Machine::new();
    machine.run(&blocks(section("## 2. The units"), "sh")[0]);
    let _server = Server::spawn(machine.service());
    fs::create_dir_all(machine.path("etc/nginx/conf.d")).unwrap();
    let step = section("## 6. Applications on hosts of their own");
    machine.run(&blocks(step, "sh")[0]);
    let config = machine.path("etc/nginx/nginx.conf");
    let include = machine.path("etc/nginx/conf.d").display().to_string();
    let main = format!("pid {include}/pid; events {{}} http {{ include {include}/*.conf; }}");
    fs::write(&config, main).unwrap();
    let mut check = Command::new("nginx");
    let check = check.args(["-t", "-e", "stderr", "-c"]).arg(&config);
    let checked = check.output().unwrap();
    assert!(checked.status.success(), "{}", told(&checked));
    for (name, host) in [("wiki", "wiki.example.net"), ("shop", "shop.example.org")] {
        let site = machine.path(&format!("etc/nginx/conf.d/{name}.conf"));
        let text = fs::read_to_string(site).unwrap();
        assert!(text.contains(&format!("server_name {host};")), "{text}");
        assert!(text.contains(&format!("X-Original-URL https://{host}$request_uri;")));
        assert!(!text.contains("app.example.org"), "{text}");
    }
}

#[rstest]
fn one_login_opens_both_hosts(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Apache, Proxy::Haproxy)] kind: Proxy,
) {
    let Some(hosts) = Hosts::start(kind) else {
        return;
    };
    let (browser, session) = hosts.logged_in();
    let page = hosts.url(SHOP, "/a%20page?b=c&d=%2F");
    let seen = hosts.open(&browser, &page, &session);
    assert!(seen.starts_with("get /a%20page?b=c&d=%2f "), "{seen}");
    assert_eq!(values(&seen, "remote-user"), ["1"]);
    assert_eq!(values(&seen, "remote-email"), ["bob@x.fr"]);
    // Access by group: denied, and allowed from the next request on.
    let wiki = hosts.url(WIKI, "/");
    let redirect = browser.get(&wiki, &[HTML]);
    let enter = hosts.after_login(&location(&redirect), &session);
    assert_eq!(browser.get(&enter, &[HTML]).status(), 303);
    let denied = browser.get(&wiki, &[HTML]);
    assert_eq!(denied.status(), 303);
    let at = Url::parse(&location(&denied)).unwrap();
    assert_eq!((at.host_str(), at.path()), (Some(LOGIN), "/denied"));
    assert!(
        at.query_pairs()
            .any(|(name, next)| name == "next" && next == wiki)
    );
    assert_eq!(browser.get(&wiki, &[("Accept", "*/*")]).status(), 403);
    // The way to the logout, on the host of the application.
    let leave = browser.get(&hosts.url(WIKI, "/.bienvenue/logout"), &[HTML]);
    let at = Url::parse(&location(&leave)).unwrap();
    assert_eq!((at.host_str(), at.path()), (Some(LOGIN), "/logout"));
    let join = ["group", "add", "staff", "bob@x.fr"];
    assert!(run(hosts.place.folder(), &join).status.success());
    let seen = browser.get(&wiki, &[HTML]).text().unwrap().to_lowercase();
    assert_eq!(values(&seen, "remote-groups"), ["staff"], "{seen}");
    // The application never sees the cookie of the login.
    assert!(!seen.contains(&session.expose()), "{seen}");
    // A logout ends both.
    let cookie = format!("session_id={}", session.expose());
    let log_out = browser.client.delete(hosts.url(LOGIN, "/sessions"));
    let log_out = log_out.header("Cookie", cookie).send().unwrap();
    assert_eq!(log_out.status(), 200);
    for url in [page, wiki] {
        assert_eq!(browser.get(&url, &[HTML]).status(), 303);
        assert_eq!(browser.get(&url, &[("Accept", "*/*")]).status(), 401);
    }
}

#[rstest]
fn programs_get_401_and_no_redirect(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Apache, Proxy::Haproxy)] kind: Proxy,
) {
    let Some(hosts) = Hosts::start(kind) else {
        return;
    };
    let browser = hosts.browser();
    for headers in [
        &[("Accept", "application/json")][..],
        &[("Sec-Fetch-Mode", "cors"), HTML],
    ] {
        let answer = browser.get(&hosts.url(SHOP, "/api"), headers);
        assert_eq!(answer.status(), 401, "{headers:?}");
    }
    let post = browser.client.post(hosts.url(SHOP, "/api")).body("a body");
    assert_eq!(post.send().unwrap().status(), 401);
}

#[rstest]
fn cookie_and_code_are_for_one_host(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Apache, Proxy::Haproxy)] kind: Proxy,
) {
    let Some(hosts) = Hosts::start(kind) else {
        return;
    };
    let (browser, session) = hosts.logged_in();
    let join = ["group", "add", "staff", "bob@x.fr"];
    assert!(run(hosts.place.folder(), &join).status.success());
    let shop = hosts.url(SHOP, "/");
    hosts.open(&browser, &shop, &session);
    let stolen = browser.jar(SHOP);
    assert!(stolen.contains("app_session="), "{stolen}");
    let thief = hosts.browser();
    let with = |url: &str, cookies: &str| {
        let request = thief.client.get(url).header("Cookie", cookies);
        request.send().unwrap().status().as_u16()
    };
    assert_eq!(with(&shop, &stolen), 200, "on its own host it is good");
    let wiki = hosts.url(WIKI, "/");
    assert_eq!(with(&wiki, &stolen), 401);
    assert_eq!(with(&hosts.url(LOGIN, "/profile"), &stolen), 403);
    let own = format!("session_id={}", session.expose());
    assert_eq!(with(&wiki, &own), 401);
    // A code: not at the other host, not in another browser, and once.
    let redirect = browser.get(&wiki, &[HTML]);
    let enter = hosts.after_login(&location(&redirect), &session);
    let at_shop = enter.replace(WIKI, SHOP);
    assert_eq!(browser.get(&at_shop, &[HTML]).status(), 403);
    assert_eq!(thief.get(&enter, &[HTML]).status(), 403);
    assert_eq!(browser.get(&enter, &[HTML]).status(), 303);
    assert_eq!(browser.get(&enter, &[HTML]).status(), 403);
    assert_eq!(browser.get(&wiki, &[HTML]).status(), 200);
}

#[rstest]
fn client_cannot_name_another_host_or_user(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Apache, Proxy::Haproxy)] kind: Proxy,
) {
    let Some(hosts) = Hosts::start(kind) else {
        return;
    };
    let (browser, session) = hosts.logged_in();
    hosts.open(&browser, &hosts.url(SHOP, "/"), &session);
    let redirect = browser.get(&hosts.url(WIKI, "/"), &[HTML]);
    let enter = hosts.after_login(&location(&redirect), &session);
    assert_eq!(browser.get(&enter, &[HTML]).status(), 303);
    let port = hosts.address.port();
    // The user has access to the shop, and not to the wiki.
    let ask = |head: &str, host: &str| {
        let cookies = browser.jar(host);
        let request = format!("{head}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
        let address = hosts.address.to_string();
        raw(&address, request.as_bytes(), Duration::from_secs(5)).to_lowercase()
    };
    let at = |host: &str, more: &str| format!("GET / HTTP/1.1\r\nHost: {host}:{port}{more}");
    let shop = format!("http://{SHOP}:{port}/");
    for lie in [
        format!("\r\nX-Original-URL: {shop}"),
        format!("\r\nX-Forwarded-Host: {SHOP}:{port}"),
        format!(
            "\r\nX-Forwarded-Host: {SHOP}:{port}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: /"
        ),
        "\r\nX-Forwarded-Method: OPTIONS".to_owned(),
        "\r\nRemote-Groups: staff\r\nRemote_Groups: staff".to_owned(),
        "\r\nConnection: X-Forwarded-Host, X-Forwarded-Proto".to_owned(),
        format!("\r\nHost: {SHOP}:{port}"),
    ] {
        let answer = ask(&at(WIKI, &lie), WIKI);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "403"].contains(&status), "{lie}: {answer}");
    }
    // The host of the request line is the one that counts, to the proxy and to the service.
    let absolute = format!("GET http://{WIKI}:{port}/ HTTP/1.1\r\nHost: {SHOP}:{port}");
    let answer = ask(&absolute, WIKI);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["400", "403"].contains(&status), "{answer}");
    for head in [
        at(&WIKI.to_uppercase(), ""),
        format!("GET / HTTP/1.1\r\nHost: {WIKI}.:{port}"),
        format!("GET //{SHOP}/ HTTP/1.1\r\nHost: {WIKI}:{port}"),
        format!("GET /.bienvenue/../ HTTP/1.1\r\nHost: {WIKI}:{port}"),
    ] {
        let answer = ask(&head, WIKI);
        assert!(!answer.contains("remote-user: 1"), "{head}: {answer}");
    }
    // Identity headers of a client are gone.
    for lies in [
        "\r\nRemote-User: 7\r\nRemote-Groups: admins\r\nRemote_Groups: admins",
        "\r\nREMOTE_USER: 7\r\nRemote-user: 8\r\nRemote-Groups: admins",
        "\r\nConnection: Remote-User, Remote-Groups\r\nRemote-User: 7\r\nRemote-Groups: admins",
    ] {
        let answer = ask(&at(SHOP, lies), SHOP);
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert_eq!(values(&answer, "remote-user"), ["1"], "{lies}");
        let groups = values(&answer, "remote-groups");
        assert!(groups.iter().all(|value| value.is_empty()), "{groups:?}");
    }
    // The service's own routes are on its own host alone.
    let answer = ask(
        &format!("GET /.bienvenue/verify HTTP/1.1\r\nHost: {SHOP}:{port}"),
        SHOP,
    );
    assert!(answer.starts_with("http/1.1 404"), "{answer}");
    assert!(hosts.server.pid().parse::<u32>().is_ok());
}

#[rstest]
fn hosts_are_closed_while_the_service_is_away(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Apache, Proxy::Haproxy)] kind: Proxy,
) {
    let Some(mut hosts) = Hosts::start(kind) else {
        return;
    };
    let (browser, session) = hosts.logged_in();
    hosts.open(&browser, &hosts.url(SHOP, "/"), &session);
    hosts.server.kill();
    for headers in [&[HTML][..], &[("Accept", "*/*")]] {
        let answer = browser.get(&hosts.url(SHOP, "/"), headers);
        assert!(answer.status().is_server_error(), "{}", answer.status());
        let seen = answer.text().unwrap().to_lowercase();
        assert!(!seen.contains("get / http"), "{seen}");
    }
}
