//! The lines of what is refused before anybody looks at it.

use super::{FORM, objects, send, text};
use crate::support::Place;
use crate::support::program::{Server, program};

/// The refusals in the log, with request id, client and account.
fn refusals(server: Server) -> Vec<String> {
    let log = objects(server);
    let events = log.iter().filter(|line| line["event"].is_string());
    events
        .filter(|line| line["outcome"] == "failure")
        .map(|line| {
            assert_eq!(text(line, "client_ip"), "127.0.0.1", "{line}");
            assert_eq!(line["level"], "INFO", "{line}");
            let keys = ["request_id", "event", "reason"];
            let words: Vec<&str> = keys.iter().map(|key| text(line, key)).collect();
            format!("{} {}", words.join(" "), line["user_id"])
        })
        .collect()
}

fn service(place: &Place, settings: &[&str]) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--log-format", "json"];
    let mut command = program(place.folder(), &arguments);
    command.args(["--bcrypt-cost", "4"]).args(settings);
    Server::spawn(command)
}

#[test]
fn r71_reached_account_limit_is_logged_once() {
    let place = Place::new();
    let server = service(&place, &["--throttle=on", "--throttle-account-limit=2"]);
    send(
        &server,
        "POST /users",
        FORM,
        "email=b@x.fr&password=bob_pwd",
    );
    for (number, email) in [
        ("one", "b@x.fr"),
        ("two", "b@x.fr"),
        ("three", "b@x.fr"),
        ("four", "no@x.fr"),
        ("five", "no@x.fr"),
    ] {
        let headers = format!("{FORM}\r\nX-Request-Id: {number}");
        let body = format!("email={email}&password=wrong");
        send(&server, "POST /sessions", &headers, &body);
    }
    assert_eq!(
        refusals(server),
        [
            "one authn_login_fail wrong_password 1",
            "two authn_login_fail wrong_password 1",
            "two authn_login_lock - 1",
            "three excess_rate_limit_exceeded throttled null",
            "four authn_login_fail unknown_account null",
            "five authn_login_fail unknown_account null",
            "five authn_login_lock - null",
        ]
    );
}

#[test]
fn r71_a_right_password_at_the_last_guess_locks_nothing() {
    let place = Place::new();
    let server = service(&place, &["--throttle=on", "--throttle-account-limit=2"]);
    send(
        &server,
        "POST /users",
        FORM,
        "email=b@x.fr&password=bob_pwd",
    );
    for password in ["wrong", "bob_pwd"] {
        let headers = format!("{FORM}\r\nX-Request-Id: {password}");
        let body = format!("email=b@x.fr&password={password}");
        send(&server, "POST /sessions", &headers, &body);
    }
    assert_eq!(
        refusals(server),
        ["wrong authn_login_fail wrong_password 1"]
    );
}

#[test]
fn r71_cross_origin_request_is_logged() {
    let place = Place::new();
    let server = service(&place, &[]);
    let headers = format!("{FORM}\r\nX-Request-Id: evil\r\nOrigin: https://evil.example");
    let answer = send(
        &server,
        "POST /sessions",
        &headers,
        "email=b@x.fr&password=p",
    );
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(refusals(server), ["evil malicious_csrf - null"]);
}
