//! Applications behind a real proxy, with the configurations of `deploy/`.

mod front;

use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use rstest::rstest;

use crate::support::Place;
use crate::support::program::{Server, raw};
use front::{Front, Kind};

const BOB: [(&str, &str); 2] = [("email", "Zoë@Dylan.com"), ("password", "bob_pwd")];

/// A person at a browser.
fn browser() -> Client {
    let client = Client::builder().cookie_store(true);
    client.redirect(Policy::none()).build().unwrap()
}

/// Registers and logs in by the front's location for it.
fn logged_in(front: &Front) -> Client {
    let browser = browser();
    let post = |path| {
        let url = format!("http://{}/auth/{path}", front.address);
        browser.post(url).form(&BOB).send().unwrap()
    };
    assert_eq!(post("users").status(), 201);
    assert_eq!(post("sessions").status(), 200);
    browser
}

/// What the application got, in lower case.
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

#[rstest]
fn an_application_behind_a_proxy_sees_who_is_logged_in(
    #[values(Kind::Nginx, Kind::Caddy)] kind: Kind,
) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    for path in ["/", "/api/things?a=b"] {
        let url = format!("http://{}{path}", front.address);
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
fn without_a_session_pages_lead_to_the_login_and_programs_get_401(
    #[values(Kind::Nginx, Kind::Caddy)] kind: Kind,
) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    let get = |path: &str| {
        let url = format!("http://{}{path}", front.address);
        browser.get(url).send().unwrap()
    };
    assert_eq!(get("/").status(), 200);
    let log_out = browser.delete(format!("http://{}/auth/sessions", front.address));
    assert_eq!(log_out.send().unwrap().status(), 200);
    let page = get("/");
    assert_eq!(page.status(), 303);
    let location = page.headers().get("location").unwrap().to_str().unwrap();
    assert!(location.ends_with("/login"), "{location}");
    assert_eq!(get("/api/things").status(), 401);
    let login = received(get("/login"));
    assert!(login.starts_with("get /login "), "{login}");
}

#[rstest]
fn an_application_behind_a_proxy_cannot_be_fooled_by_what_a_client_sends(
    #[values(Kind::Nginx, Kind::Caddy)] kind: Kind,
) {
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
        "Remote-User:\r\nRemote-Email: root@example.org",
        "remote_email: root@example.org\r\nremote-email: root@example.org",
        "Connection: close, Remote-User, Remote-Email\r\nRemote-User: 7",
        "Remote-User: 7\r\nX-Forwarded-Uri: /login\r\nX-Original-URL: /login",
    ];
    for lie in lies {
        let ask = |path: &str, cookie: &str| {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\n{lie}\r\n{cookie}Connection: close\r\n\r\n",
                front.address
            );
            raw(&front.address, request.as_bytes(), Duration::from_secs(5)).to_lowercase()
        };
        // Nobody stays nobody.
        let answer = ask("/api/things", "");
        assert!(answer.starts_with("http/1.1 401 "), "{lie}: {answer}");
        let answer = ask("/login", "");
        assert_eq!(values(&answer, "remote-user"), [""; 0], "{lie}: {answer}");
        assert_eq!(values(&answer, "remote-email"), [""; 0], "{lie}: {answer}");
        // And who is logged in stays who they are.
        let answer = ask("/api/things", &format!("{cookie}\r\n"));
        assert_eq!(values(&answer, "remote-user"), ["1"], "{lie}: {answer}");
        let email = values(&answer, "remote-email");
        assert_eq!(email, ["zo%c3%ab@dylan.com"], "{lie}: {answer}");
    }
    // Nor is the way to ask open to anybody.
    if kind == Kind::Nginx {
        let url = format!("http://{}/bienvenue-verify", front.address);
        assert_eq!(Client::new().get(url).send().unwrap().status(), 404);
    }
}

#[rstest]
fn an_application_behind_a_proxy_is_closed_while_the_service_is_away(
    #[values(Kind::Nginx, Kind::Caddy)] kind: Kind,
) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    let browser = logged_in(&front);
    drop(server);
    for path in ["/", "/api/things"] {
        let url = format!("http://{}{path}", front.address);
        let status = browser.get(url).send().unwrap().status();
        assert!(status.is_server_error(), "{status}");
    }
}
