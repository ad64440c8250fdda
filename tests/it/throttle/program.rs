//! Throttling in the real program: its settings, and the operator's commands.

use reqwest::blocking::{Client, Response};

use crate::support::Place;
use crate::support::program::{Server, run, told};

fn log_in(server: &Server, password: &str) -> Response {
    let form = [("email", "bob@dylan.com"), ("password", password)];
    let login = Client::new().post(server.url("/sessions")).form(&form);
    login.send().unwrap()
}

fn throttling(place: &Place) -> Server {
    let settings = ["--throttle=on", "--throttle-account-free=2"];
    let server = Server::start_with(place, &settings);
    let form = [("email", "bob@dylan.com"), ("password", "bob_pwd")];
    let registration = Client::new().post(server.url("/users")).form(&form);
    assert_eq!(registration.send().unwrap().status(), 201);
    server
}

fn throttle(place: &Place, arguments: &[&str]) -> String {
    let output = run(place.folder(), &[&["throttle"], arguments].concat());
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_operator_sees_who_waits_and_lets_them_try_anew() {
    let place = Place::new();
    let server = throttling(&place);
    assert_eq!(log_in(&server, "wrong").status(), 401);
    assert_eq!(log_in(&server, "wrong").status(), 401);
    let refused = log_in(&server, "bob_pwd");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let list = throttle(&place, &["list", "--throttle-account-limit=2"]);
    let row = list.lines().find(|line| line.starts_with("account"));
    let words: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(words[1..3], ["2", "locked"], "{list}");
    assert!(list.contains("127.0.0.1/32"), "{list}");
    assert!(!list.contains("bob"), "{list}");
    assert_eq!(throttle(&place, &["clear", "bob@dylan.com"]), "cleared 1\n");
    assert_eq!(log_in(&server, "bob_pwd").status(), 200);
    assert_eq!(throttle(&place, &["clear", "127.0.0.1"]), "cleared 3\n");
    log_in(&server, "wrong");
    assert_eq!(throttle(&place, &["clear", "--all"]), "cleared 1\n");
    assert_eq!(throttle(&place, &["list"]).lines().count(), 1);
}

#[test]
fn who_is_to_be_cleared_has_to_be_said_and_the_database_has_to_be_there() {
    let place = Place::new();
    for (arguments, expected) in [
        (
            ["throttle", "clear", "bob"],
            "neither an email nor an IP address",
        ),
        (
            ["throttle", "list", "--database-url=sqlite://none.db"],
            "none.db",
        ),
    ] {
        let output = run(place.folder(), &arguments);
        assert_eq!(output.status.code(), Some(78), "{}", told(&output));
        assert!(told(&output).contains(expected), "{}", told(&output));
    }
    assert_eq!(
        run(place.folder(), &["throttle", "clear"]).status.code(),
        Some(78)
    );
    assert!(!place.path("none.db").exists());
}
