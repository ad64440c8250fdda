//! Throttling in the real program: its settings, and the operator's commands.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use bienvenue::domain::LimitKey;
use reqwest::blocking::Client;

use crate::support::program::{Server, run, told};
use crate::support::{Place, email, eventually};

fn throttling(place: &Place) -> Server {
    let settings = ["--throttle=on", "--throttle-account-limit=2"];
    let server = Server::start_with(place, &settings);
    assert_eq!(server.register("bob@dylan.com", "bob_pwd"), 201);
    server
}

fn throttle(place: &Place, arguments: &[&str]) -> String {
    let output = run(place.folder(), &[&["throttle"], arguments].concat());
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn operator_lists_and_clears_throttled_accounts() {
    let place = Place::new();
    let server = throttling(&place);
    assert_eq!(
        server.post("/sessions", "bob@dylan.com", "wrong").status(),
        401
    );
    assert_eq!(
        server.post("/sessions", "bob@dylan.com", "wrong").status(),
        401
    );
    let refused = server.post("/sessions", "bob@dylan.com", "bob_pwd");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "300");
    let list = throttle(&place, &["list", "--throttle-account-limit=2"]);
    let row = list.lines().find(|line| line.starts_with("account"));
    let words: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(words[1..3], ["2", "locked"], "{list}");
    assert!(list.contains("127.0.0.1/32"), "{list}");
    assert!(row.unwrap().ends_with(" bob@dylan.com"), "{list}");
    assert!(throttle(&place, &["clear", "bob@dylan.com"]).starts_with("cleared 2 counts"));
    assert_eq!(
        server
            .post("/sessions", "bob@dylan.com", "bob_pwd")
            .status(),
        200
    );
    assert!(throttle(&place, &["clear", "127.0.0.1"]).starts_with("cleared 4 count"));
    server.post("/sessions", "bob@dylan.com", "wrong");
    // Its failure as a known client, and the right login before.
    assert!(throttle(&place, &["clear", "--all", "--yes"]).starts_with("cleared 2 count"));
    assert_eq!(throttle(&place, &["list"]).lines().count(), 1);
}

#[test]
fn throttle_clear_needs_an_account_and_a_database() {
    let place = Place::new();
    for (arguments, code, expected) in [
        (
            ["throttle", "clear", "bob"],
            2,
            "neither an email nor an IP address",
        ),
        (
            ["throttle", "list", "--database-url=sqlite://none.db"],
            78,
            "none.db",
        ),
    ] {
        let output = run(place.folder(), &arguments);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains(expected), "{}", told(&output));
    }
    assert_eq!(
        run(place.folder(), &["throttle", "clear"]).status.code(),
        Some(2)
    );
    assert!(!place.path("none.db").exists());
}

#[test]
fn the_device_cookie_lasts_as_long_as_the_device_is_known() {
    let place = Place::new();
    let server = Server::start_with(&place, &["--throttle=on", "--throttle-device-memory=2days"]);
    assert_eq!(server.register("bob@dylan.com", "bob_pwd"), 201);
    let login = server.post("/sessions", "bob@dylan.com", "bob_pwd");
    let cookies = login.headers().get_all("set-cookie");
    let mut cookies = cookies.iter().map(|cookie| cookie.to_str().unwrap());
    let device = cookies.find(|cookie| cookie.starts_with("device="));
    assert!(device.unwrap().contains("Max-Age=172800"), "{device:?}");
}

/// Connections on which a login is under way, from that address behind the proxy.
fn under_way(server: &Server, address: &str, email: &str) -> TcpStream {
    let body = format!("email={email}&password=guess");
    let head = format!(
        "POST /sessions HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(&server.address).unwrap();
    connection.write_all((head + &body).as_bytes()).unwrap();
    connection
}

/// How often it was guessed at an account, if it was.
fn guesses(place: &Place, account: &str) -> Vec<String> {
    let key = LimitKey::account(&email(account).key());
    let key = key.as_str();
    place.texts(&format!(
        "SELECT cast(fails AS TEXT) AS value FROM throttle WHERE key = '{key}'"
    ))
}

#[test]
fn disconnected_login_is_counted_and_503_is_not() {
    let place = Place::new();
    let endless = [
        "--bcrypt-cost=22",
        "--hash-deadline=1day",
        "--hash-threads=1",
    ];
    let behind_a_proxy = [
        "--throttle=on",
        "--trusted-proxies=127.0.0.1/32",
        "--hash-queue=1",
    ];
    let server = Server::start_with(&place, &[endless.as_slice(), &behind_a_proxy].concat());
    drop(under_way(&server, "192.0.2.1", "first@x.fr"));
    eventually("it is counted", || guesses(&place, "first@x.fr") == ["1"]);
    let client = Client::new();
    // More than the lanes of one thread and its queue hold.
    let _waiting: Vec<_> = (1..=16)
        .map(|number| {
            let address = format!("198.51.{number}.1");
            under_way(&server, &address, &format!("{number}@x.fr"))
        })
        .collect();
    let mut number = 0;
    eventually("there is no place left", || {
        number += 1;
        let last = format!("last{number}@x.fr");
        let form = [("email", last.as_str()), ("password", "guess")];
        let login = client.post(server.url("/sessions")).form(&form);
        let login = login.header("X-Forwarded-For", format!("203.0.{number}.1"));
        let answer = login.timeout(Duration::from_secs(2)).send();
        answer.is_ok_and(|answer| {
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"));
            true
        })
    });
    let form = [("email", "last@x.fr"), ("password", "guess")];
    let login = client.post(server.url("/sessions")).form(&form);
    let login = login.header("X-Forwarded-For", "203.1.0.1").send().unwrap();
    assert_eq!(login.status(), 503);
    assert_eq!(guesses(&place, "last@x.fr"), [""; 0]);
    assert_eq!(guesses(&place, "first@x.fr"), ["1"], "hung up");
}
