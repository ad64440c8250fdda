//! The real program over TCP: malformed and well-formed requests.

mod cookies;
mod framing;
mod unread;

use std::time::Duration;

use crate::support::Place;
use crate::support::program::{Server, raw};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const VERBS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW",
];

/// Sends a request with this first line, these further headers and this body, and returns
/// the answer; the connection ends with it.
fn ask(server: &Server, line: &str, headers: &str, body: &str) -> String {
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    send(server, &(head + body))
}

fn send(server: &Server, request: impl AsRef<[u8]>) -> String {
    raw(&server.address, request.as_ref(), Duration::from_secs(3))
}

fn post(server: &Server, path: &str, body: &str) -> String {
    let headers = format!("{FORM}Content-Length: {}\r\n", body.len());
    ask(server, &format!("POST {path}"), &headers, body)
}

fn numbered_headers(count: usize) -> String {
    let headers: Vec<String> = (0..count)
        .map(|number| format!("X-{number}: 1\r\n"))
        .collect();
    headers.concat()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().skip(1).find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn every_route_answers_with_and_without_a_slash_at_its_end() {
    let place = Place::new();
    let server = Server::start(&place);
    for slash in ["", "/"] {
        let form = format!("email=a{}@x.org&password=p", slash.len());
        assert_eq!(
            status(&post(&server, &format!("/users{slash}"), &form)),
            "201"
        );
        assert_eq!(
            status(&post(&server, &format!("/sessions{slash}"), &form)),
            "200"
        );
        let profile = ask(&server, &format!("GET /profile{slash}"), "", "");
        assert_eq!((status(&profile), body(&profile)), ("403", ""));
        let gone = ask(&server, &format!("DELETE /sessions{slash}?x=y"), "", "");
        assert_eq!((status(&gone), body(&gone)), ("403", ""));
    }
}

#[test]
fn head_is_get_without_the_body() {
    let place = Place::new();
    let server = Server::start(&place);
    for path in ["/", "/profile", "/profile/", "/users", "/nowhere"] {
        let get = ask(&server, &format!("GET {path}"), "", "");
        let head = ask(&server, &format!("HEAD {path}"), "", "");
        assert_eq!(status(&head), status(&get), "{path}");
        assert_eq!(
            header(&head, "content-length"),
            header(&get, "content-length")
        );
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"));
        assert_eq!(
            header(&get, "content-length"),
            Some(&*body(&get).len().to_string())
        );
        assert_eq!(body(&head), "");
    }
}

#[test]
fn options_lists_the_methods_and_others_are_405() {
    let place = Place::new();
    let server = Server::start(&place);
    for (path, allow) in [
        ("/", "GET, HEAD, OPTIONS"),
        ("/users", "POST, OPTIONS"),
        ("/sessions/", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/profile", "GET, HEAD, DELETE, OPTIONS"),
    ] {
        for verb in VERBS.into_iter().chain(["get", "M-SEARCH"]) {
            if verb == "CONNECT" && path != "/" {
                continue; // The service waits a second for such a client to close.
            }
            let answer = ask(&server, &format!("{verb} {path}"), "", "");
            let known = allow.split(", ").any(|allowed| allowed == verb);
            assert_eq!(status(&answer) == "405", !known, "{verb} {path}");
            if verb == "OPTIONS" {
                assert_eq!((status(&answer), body(&answer)), ("200", ""));
            }
            if !known || verb == "OPTIONS" {
                assert_eq!(header(&answer, "allow"), Some(allow), "{verb} {path}");
            }
            if !known && verb != "HEAD" {
                let message =
                    format!("{{\"message\":\"method not allowed: this path allows {allow}\"}}\n");
                assert_eq!(body(&answer), message);
            }
        }
    }
}

#[test]
fn unknown_path_is_404_for_every_method() {
    let place = Place::new();
    let server = Server::start(&place);
    let message = "{\"message\":\"not found\"}\n";
    for verb in VERBS {
        let answer = ask(&server, &format!("{verb} /nowhere"), "", "");
        let expected = if verb == "HEAD" { "" } else { message };
        assert_eq!(
            (status(&answer), body(&answer)),
            ("404", expected),
            "{verb}"
        );
    }
    let long = format!("/{}", "a".repeat(30_000));
    for path in [
        "//",
        "//users",
        "/users//",
        "/Users",
        "/%ff",
        "/%2e%2e/users",
        "/../users",
        "/./users",
        "/users%2f",
        "/users%00",
        "/users;x",
        "/%",
        "/users/1",
        "/profile/x",
        "*",
        "users",
        &long,
    ] {
        let answer = ask(&server, &format!("GET {path}"), "", "");
        assert_eq!((status(&answer), body(&answer)), ("404", message));
    }
}

#[test]
fn alternative_spellings_of_a_path_are_routed() {
    let place = Place::new();
    let server = Server::start(&place);
    for target in [
        "http://evil.example/",
        "http://evil.example",
        "/?",
        "/?users",
        "/?%ff=%",
    ] {
        assert_eq!(
            status(&ask(&server, &format!("GET {target}"), "", "")),
            "200",
            "{target}"
        );
    }
    assert_eq!(status(&ask(&server, "GET /%75sers", "", "")), "405");
    assert_eq!(status(&send(&server, "GET / HTTP/1.0\r\n\r\n")), "200");
    assert_eq!(
        status(&send(
            &server,
            "\r\nGET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"
        )),
        "200"
    );
}

#[test]
fn odd_headers_do_no_harm() {
    let place = Place::new();
    let server = Server::start(&place);
    let many = numbered_headers(90);
    for headers in [
        "X-Empty:\r\nCookie:\r\nContent-Type:\r\nUser-Agent:\r\nContent-Encoding:\r\n",
        "User-Agent: \u{fe}\u{ff}\r\nCookie: \u{fe}=\u{ff}\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
        "Upgrade: h2c\r\n",
        "Expect: 200-maybe\r\n",
        "Content-Length: 0\r\n",
        "Range: bytes=0-0\r\n",
        "Accept: image/png\r\n",
        "Accept-Encoding: gzip\r\n",
        "If-None-Match: *\r\n",
        &many,
    ] {
        let answer = ask(&server, "GET /", headers, "");
        assert_eq!(status(&answer), "200", "{headers}");
        assert_eq!(body(&answer), "{\"message\":\"Bienvenue\"}\n");
    }
}

#[test]
fn every_response_has_security_headers_and_a_request_id() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut numbers = std::collections::HashSet::new();
    let length = |length: usize| format!("{FORM}Content-Length: {length}\r\n");
    for (line, headers, text, expected) in [
        ("GET /", String::new(), "", "200"),
        ("POST /users", length(24), "email=a@x.org&password=p", "201"),
        ("POST /users", length(24), "email=a@x.org&password=p", "400"),
        (
            "POST /sessions",
            length(24),
            "email=a@x.org&password=q",
            "401",
        ),
        (
            "POST /sessions",
            length(24),
            "email=a@x.org&password=p",
            "200",
        ),
        ("GET /profile", String::new(), "", "403"),
        ("GET /nowhere", String::new(), "", "404"),
        ("PUT /users", String::new(), "", "405"),
        ("OPTIONS /users", String::new(), "", "200"),
        ("HEAD /", String::new(), "", "200"),
        ("POST /users", length(20_000), "", "413"),
        ("POST /users", String::new(), "", "415"),
    ] {
        let answer = ask(&server, line, &headers, text);
        assert_eq!(status(&answer), expected, "{line}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(header(&answer, name), Some(value), "{line}");
        }
        for absent in [
            "strict-transport-security",
            "access-control-allow-origin",
            "server",
        ] {
            assert_eq!(header(&answer, absent), None, "{line}");
        }
        let number = header(&answer, "x-request-id").unwrap();
        assert!(numbers.insert(number.to_owned()), "{number}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_email_get_the_same_answer() {
    let place = Place::new();
    let server = Server::start(&place);
    post(&server, "/users", "email=a@x.org&password=p");
    let comparable = |answer: &str| {
        let lines = answer.lines().map(str::to_ascii_lowercase);
        let mut lines: Vec<String> = lines
            .filter(|line| !line.starts_with("x-request-id") && !line.starts_with("date"))
            .collect();
        // Headers come in an order that is drawn by lot.
        lines.sort();
        lines
    };
    let wrong = post(&server, "/sessions", "email=a@x.org&password=q");
    let unknown = post(&server, "/sessions", "email=b@x.org&password=q");
    assert_eq!(comparable(&wrong), comparable(&unknown));
    assert_eq!(body(&wrong), "{\"message\":\"invalid credentials\"}\n");
    assert_eq!(body(&wrong), body(&unknown));
}
