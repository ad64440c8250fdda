//! The effects of settings on the running program, and its secrets.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use bienvenue::config::Config;
use clap::Parser;
use reqwest::blocking::{Client, Response};

use crate::support::Place;
use crate::support::program::{Server, program};

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// A server that people reach by https, with the cheapest hashes that are left to it.
fn behind_https(place: &Place) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "10"];
    let mut command = program(place.folder(), &arguments);
    command.args(["--public-url", "https://login.example.org"]);
    Server::spawn(command)
}

#[test]
fn production_has_secure_cookies_and_hsts() {
    let place = Place::new();
    let server = behind_https(&place);
    let password = "fifteen letters";
    assert_eq!(server.post("/users", "bob@x.fr", password).status(), 201);
    let login = server.post("/sessions", "bob@x.fr", password);
    assert_eq!(login.status(), 200);
    let cookie = header(&login, "set-cookie");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(cookie.split("; ").any(|a| a == attribute), "{cookie}");
    }
    let failed = server.post("/sessions", "bob@x.fr", "wrong");
    for answer in [&login, &failed] {
        let hsts = header(answer, "strict-transport-security");
        assert_eq!(hsts, "max-age=31536000");
    }
}

#[test]
fn production_requires_fifteen_characters() {
    let place = Place::new();
    let server = behind_https(&place);
    let short = server.post("/users", "bob@x.fr", "fourteen lette");
    assert_eq!(short.status(), 400);
    let told = short.text().unwrap();
    assert!(told.contains("15 characters"), "{told}");
    // Characters count, not bytes.
    let short = server.post("/users", "bob@x.fr", &"é".repeat(14));
    assert_eq!(short.status(), 400);
    let long = server.post("/users", "bob@x.fr", &"éàè".repeat(5));
    assert_eq!(long.status(), 201);
}

#[test]
fn development_has_plain_cookies_and_any_password() {
    let place = Place::new();
    let mut server = Server::start(&place);
    server.wait_for("development mode");
    assert_eq!(server.post("/users", "bob@x.fr", "b").status(), 201);
    let login = server.post("/sessions", "bob@x.fr", "b");
    let cookie = header(&login, "set-cookie");
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(header(&login, "strict-transport-security"), "");
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

#[test]
fn production_listens_on_loopback_by_default() {
    let bind = |arguments: &[&str]| {
        let line = ["bienvenue"].iter().chain(arguments);
        Line::try_parse_from(line).unwrap().config.bind()
    };
    let at = |address: &str| address.parse::<SocketAddr>().unwrap();
    let https = "--public-url=https://login.example.org";
    assert_eq!(bind(&[]), at("0.0.0.0:5000"));
    assert_eq!(bind(&["--public-url=http://localhost"]), at("0.0.0.0:5000"));
    assert_eq!(bind(&[https]), at("127.0.0.1:5000"));
    assert_eq!(bind(&[https, "--bind=[::]:80"]), at("[::]:80"));
}

#[test]
fn a_closed_registration_says_so_and_logins_go_on() {
    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(server.post("/users", "bob@x.fr", "bob_pwd").status(), 201);
    drop(server);
    let server = Server::start_with(&place, &["--registration", "closed"]);
    for email in ["new@x.fr", "bob@x.fr"] {
        let refused = server.post("/users", email, "a_pwd");
        assert_eq!(refused.status(), 403);
        let told = refused.text().unwrap();
        assert_eq!(told.trim_end(), r#"{"message":"registration is closed"}"#);
    }
    let login = server.post("/sessions", "bob@x.fr", "bob_pwd");
    assert_eq!(login.status(), 200);
}

#[test]
fn database_files_are_readable_by_their_owner_only() {
    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(server.post("/users", "bob@x.fr", "bob_pwd").status(), 201);
    for name in ["bienvenue.db", "bienvenue.db-wal", "bienvenue.db-shm"] {
        let file = fs::metadata(place.path(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
    for entry in fs::read_dir(place.folder()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
}

#[test]
fn r64_no_password_and_no_session_id_is_ever_logged() {
    let place = Place::new();
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"];
    let mut command = program(place.folder(), &arguments);
    command.env("RUST_LOG", "trace");
    let mut server = Server::spawn(command);

    let (right, wrong) = ("TheTypedPassword", "AnotherTypedPassword");
    let lengthy = "LongTypedPassword".repeat(6);
    server.post("/users", "bob@x.fr", right);
    server.post("/users", "eve@x.fr", &lengthy);
    server.post("/sessions", "bob@x.fr", wrong);
    server.post("/sessions", "eve@x.fr", &lengthy);
    let login = server.post("/sessions", "bob@x.fr", right);
    let cookie = header(&login, "set-cookie").split(';').next().unwrap();
    let client = Client::new();
    let get = client.get(server.url("/profile")).header("Cookie", cookie);
    assert_eq!(get.send().unwrap().status(), 200);
    let delete = client.delete(server.url("/sessions"));
    let delete = delete.header("Cookie", cookie).send().unwrap();
    assert_eq!(delete.status(), 200);
    server.signal("TERM");
    server.wait();

    let log = server.whole_log();
    assert!(log.contains("TRACE"), "{log}");
    let session_id = cookie.trim_start_matches("session_id=");
    for secret in [right, wrong, "LongTypedPassword", session_id, "$2b$04$"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
