//! Applications behind a real proxy, with the configurations of `deploy/`.

mod domains;
mod front;
mod hosts;
mod origin;
mod public_paths;
mod sites;

use std::time::Duration;

use reqwest::blocking::{Client, Response};
use rstest::rstest;
use url::Url;

use crate::support::Place;
use crate::support::program::{Server, raw};
use front::{Front, HOST, Kind};

const BOB: [(&str, &str); 2] = [("email", "Zoë@Dylan.com"), ("password", "bob_pwd")];

/// Registers and logs in by the front's location for it.
fn logged_in(front: &Front) -> Client {
    let browser = front.browser();
    let post = |path| browser.post(front.url(path)).form(&BOB).send().unwrap();
    assert_eq!(post("/auth/users").status(), 201);
    assert_eq!(post("/auth/sessions").status(), 200);
    browser
}

/// The request that the application got, in lower case.
fn received(answer: Response) -> String {
    assert_eq!(answer.status(), 200);
    answer.text().unwrap().to_lowercase()
}

/// The values of all headers that an application could take for this one.
fn values<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(found, _)| found.replace('_', "-") == name)
        .map(|(_, value)| value.trim())
        .collect()
}

/// Sends a request target and header lines as they are, and returns the answer in lower case.
fn ask(front: &Front, target: &str, headers: &str) -> String {
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n{headers}Connection: close\r\n\r\n");
    let address = front.address.to_string();
    raw(&address, request.as_bytes(), Duration::from_secs(5)).to_lowercase()
}

#[rstest]
fn application_sees_who_is_logged_in(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    for path in ["/", "/api/things?a=b"] {
        let url = front.url(path);
        let seen = received(browser.get(&url).send().unwrap());
        assert!(seen.starts_with(&format!("get {path} ")), "{seen}");
        assert_eq!(values(&seen, "remote-user"), ["1"], "{seen}");
        assert_eq!(values(&seen, "remote-email"), ["zo%c3%ab@dylan.com"]);
        let post = browser.post(&url).body("a body").send().unwrap();
        let seen = received(post);
        assert!(seen.starts_with("post ") && seen.ends_with("\r\n\r\na body"));
        assert_eq!(values(&seen, "remote-user"), ["1"], "{seen}");
    }
}

#[rstest]
fn pages_redirect_to_login_and_programs_get_401(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    let get = |path: &str| browser.get(front.url(path)).send().unwrap();
    assert_eq!(get("/").status(), 200);
    let log_out = browser.delete(front.url("/auth/sessions"));
    assert_eq!(log_out.send().unwrap().status(), 200);
    assert_eq!(get("/").status(), 303);
    assert_eq!(get("/").headers()["location"], "/login?next=/");
    assert_eq!(get("/api/things").status(), 401);
}

#[rstest]
fn original_url_survives_the_redirect_to_login(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let location = |target: &str| {
        let lie = "X-Forwarded-Uri: /lie\r\nX-Original-URI: /lie\r\n";
        let answer = ask(&front, target, lie);
        assert!(answer.starts_with("http/1.1 303 "), "{target}: {answer}");
        let [location] = values(&answer, "location")[..] else {
            panic!("{answer}");
        };
        location.to_owned()
    };
    let next = "/login?next=/things%3fa%3db%26c%3dd%3fe%252f";
    assert_eq!(location("/things?a=b&c=d?e%2f"), next);
    let application = Url::parse("https://app.example.org").unwrap();
    // Where the login page leads afterwards.
    let page = |target: &str| {
        let login = application.join(&location(target)).unwrap();
        let next = login.query_pairs().next();
        let next = next.map_or("/none".into(), |(_, next)| next);
        application.join(&next).unwrap()
    };
    for target in ["/a%20b/%26?c=%2f+d%23&", "/caf\u{e9}", "/a{b}$c", "/a;b,c"] {
        let expected = application.join(target).unwrap().to_string();
        assert_eq!(
            page(target).as_str().to_lowercase(),
            expected.to_lowercase()
        );
    }
    for target in ["//evil.example/", "///evil.example/", "/\\evil.example/"] {
        let host = page(target).host_str().unwrap().to_owned();
        assert_eq!(host, "app.example.org", "{target}");
    }
    let long = format!("/things?q={}", "a".repeat(6000));
    assert_eq!(location(&long), "/login", "too long for a header");
}

#[rstest]
fn client_cannot_forge_identity_headers(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    logged_in(&front);
    let form = "email=zo%C3%AB%40dylan.com&password=bob_pwd";
    let login = Client::new()
        .post(server.url("/sessions"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send();
    let login: serde_json::Value = login.unwrap().json().unwrap();
    let cookie = format!(
        "Cookie: session_id={}",
        login["session_id"].as_str().unwrap()
    );
    let lies = [
        "Remote-User: 7",
        "remote-user: 7",
        "REMOTE_USER: 7",
        "Remote_User: 7",
        "Remote-User: 7\r\nRemote-User: 8",
        "Remote-User:\r\nRemote-Email: root@example.org\r\nRemote-Auth-Level: 2",
        "remote_email: root@example.org\r\nremote-email: root@example.org",
        "Connection: close, Remote-User, Remote-Email\r\nRemote-User: 7",
        "Remote-User: 7\r\nX-Forwarded-Uri: /login\r\nX-Original-URL: /login",
    ];
    for lie in lies {
        // A client without a session stays without an identity.
        let answer = ask(&front, "/api/things", &format!("{lie}\r\n"));
        assert!(answer.starts_with("http/1.1 401 "), "{lie}: {answer}");
        for path in ["/login", "/signup", "/static/app.css"] {
            let answer = ask(&front, path, &format!("{lie}\r\n"));
            assert!(answer.starts_with("http/1.1 200 "), "{path}: {answer}");
            for name in ["remote-user", "remote-email", "remote-auth-level"] {
                assert_eq!(values(&answer, name), [""; 0], "{path}, {lie}: {answer}");
            }
        }
        // A user who is logged in stays that user.
        let answer = ask(&front, "/api/things", &format!("{lie}\r\n{cookie}\r\n"));
        assert_eq!(values(&answer, "remote-user"), ["1"], "{lie}: {answer}");
        let email = values(&answer, "remote-email");
        assert_eq!(email, ["zo%c3%ab@dylan.com"], "{lie}: {answer}");
        let level = values(&answer, "remote-auth-level");
        assert_eq!(level, ["1"], "{lie}: {answer}");
    }
    // nginx's own question cannot be asked from outside.
    if kind == Kind::Nginx {
        let answer = ask(&front, "/bienvenue-verify", "");
        assert!(answer.starts_with("http/1.1 404 "), "{answer}");
    }
}

#[rstest]
fn client_cannot_hide_its_address(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    // The proxy asks from 127.0.0.1, the client from 127.0.0.2.
    let server = Server::start_with(&place, &["--trusted-proxies=127.0.0.1"]);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    logged_in(&front);
    for (name, value) in [
        ("Forwarded", "for=8.8.8.8"),
        ("Forwarded", "for=127.0.0.2, for=8.8.8.8;by=127.0.0.1"),
        ("X-Forwarded-For", "8.8.8.8"),
    ] {
        let client = Client::builder()
            .local_address(std::net::IpAddr::from([127, 0, 0, 2]))
            .resolve(HOST, front.address)
            .build()
            .unwrap();
        let login = client.post(front.url("/auth/sessions")).form(&BOB);
        let login = login.header(name, value).send().unwrap();
        assert_eq!(login.status(), 200);
        let addresses = place.texts("SELECT ip AS value FROM sessions");
        assert_eq!(addresses, ["127.0.0.2"], "{name}: {value}");
    }
}

#[rstest]
fn application_is_closed_while_the_service_is_away(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    drop(server);
    for path in ["/", "/api/things"] {
        let status = browser.get(front.url(path)).send().unwrap().status();
        assert!(status.is_server_error(), "{status}");
    }
}
