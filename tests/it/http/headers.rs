//! The headers of every answer, over TCP, where they are hard to reach.

use std::future::ready;
use std::sync::mpsc;
use std::time::Duration;

use actix_web::{HttpResponse, HttpServer, rt, web};
use bienvenue::auth::Auth;
use bienvenue::domain::Clock;
use bienvenue::http::{HttpApp, HttpSettings};
use reqwest::blocking::{Client, Response};

use crate::support::app::quick;
use crate::support::program::{Server, raw};
use crate::support::{Place, START, settings};

const HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

fn assert_headers(answer: &Response) {
    for (name, value) in HEADERS {
        assert_eq!(
            answer.headers().get_all(name).iter().count(),
            1,
            "{name}: {answer:?}"
        );
        assert_eq!(answer.headers()[name], value, "{answer:?}");
    }
    assert!(answer.headers().contains_key("x-request-id"));
}

#[test]
fn r40_r41_r42_errors_of_every_kind_carry_the_headers() {
    let place = Place::new();
    let allowed = "--allowed-origins=https://app.example.org";
    let server = Server::start_with(&place, &[allowed]);
    let client = Client::new();
    let form = "application/x-www-form-urlencoded";
    let post = |path, kind: &str, body: String| {
        let request = client.post(server.url(path)).header("Content-Type", kind);
        request.body(body)
    };
    let options = |path| client.request(reqwest::Method::OPTIONS, server.url(path));
    let shared = |request: reqwest::blocking::RequestBuilder| {
        let request = request.header("Origin", "https://app.example.org");
        request.header("Access-Control-Request-Method", "POST")
    };
    for (request, status) in [
        (client.get(server.url("/")), 200),
        (options("/users"), 200),
        (shared(options("/users")), 200),
        (shared(options("/nix")), 404),
        (shared(client.get(server.url("/"))), 200),
        (post("/users", form, "email=".into()), 400),
        (
            post("/sessions", form, "email=a@x.fr&password=b".into()),
            401,
        ),
        (client.get(server.url("/profile")), 403),
        (
            post("/users", form, String::new()).header("Origin", "null"),
            403,
        ),
        (client.get(server.url("/nix")), 404),
        (client.get(server.url("/..%2f%00%ff")), 404),
        (client.put(server.url("/users")), 405),
        (post("/users", form, "x".repeat(20_000)), 413),
        (post("/users", "application/json", "{}".into()), 415),
    ] {
        let answer = request.send().unwrap();
        assert_eq!(answer.status(), status);
        assert_headers(&answer);
    }
}

async fn panics() -> HttpResponse {
    ready(()).await;
    panic!("a defect, for the test")
}

/// The application with a route that panics, on a port of its own.
fn with_a_panicking_route(place: &Place) -> String {
    let db = place.open(settings(&Clock::set_to(START)));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        rt::System::new().block_on(async move {
            let auth = web::Data::new(Auth::new(db, quick()).unwrap());
            let http = HttpApp::new(auth, HttpSettings::default());
            let server = HttpServer::new(move || http.app().route("/panic", web::to(panics)));
            let server = server.workers(1).bind("127.0.0.1:0").unwrap();
            sender.send(server.addrs()[0].to_string()).unwrap();
            server.disable_signals().run().await.unwrap();
        });
    });
    receiver.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn r40_r41_r42_panic_is_a_500_with_the_security_headers() {
    let place = Place::new();
    let address = with_a_panicking_route(&place);
    let client = Client::new();
    for _ in 0..3 {
        let answer = client
            .get(format!("http://{address}/panic"))
            .send()
            .unwrap();
        assert_eq!(answer.status(), 500);
        assert_headers(&answer);
        let told = answer.text().unwrap();
        assert!(told.starts_with(r#"{"message":"internal error"#), "{told}");
        assert!(!told.contains("defect"), "{told}");
    }
    let two = "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n\
               GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = raw(&address, two.as_bytes(), Duration::from_secs(3));
    assert!(answers.contains("HTTP/1.1 500"), "{answers}");
    assert!(answers.contains("HTTP/1.1 200"), "{answers}");
}

/// The framework answers bytes that are not HTTP, before any code of ours: an empty body, which
/// needs no protection by headers.
#[test]
fn an_unreadable_head_is_answered_with_an_empty_body() {
    let place = Place::new();
    let server = Server::start(&place);
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    for (request, status) in [("GET\r\n\r\n", "400"), (&*huge, "431")] {
        let answer = raw(&server.address, request.as_bytes(), Duration::from_secs(3));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!((head.get(9..12), body), (Some(status), ""), "{answer}");
    }
}
