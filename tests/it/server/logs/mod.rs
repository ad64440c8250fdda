//! The log of the running program.

mod injection;
mod killed;
mod refusals;
mod secrets;

use serde_json::Value;

use crate::support::Place;
use crate::support::program::{Server, program, raw};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// The program with that format and that filter; without one, it is not set.
fn logging(place: &Place, format: &str, filter: Option<&str>) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"];
    let mut command = program(place.folder(), &arguments);
    command.args(["--log-format", format]);
    command.args(["--password-min-length", "8"]);
    if let Some(filter) = filter {
        command.env("RUST_LOG", filter);
    }
    Server::spawn(command)
}

/// Sends a request with a body of fields, byte for byte, and reads the answer to its end.
fn send(server: &Server, line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n\r\n{body}"
    );
    let quiet = std::time::Duration::from_secs(5);
    raw(&server.address, request.as_bytes(), quiet)
}

/// Registers, fails to log in, logs in, looks, logs out, twice; what it is answered last.
fn life_of_bob(server: &Server) -> String {
    let fields = |password| format!("email=bob@x.fr&password={password}");
    let numbered = |number: &str| format!("{FORM}\r\nX-Request-Id: {number}");
    send(
        server,
        "POST /users",
        &numbered("one"),
        &fields("long+enough"),
    );
    send(
        server,
        "POST /users",
        &numbered("two"),
        &fields("long+enough"),
    );
    send(
        server,
        "POST /users",
        &numbered("weak"),
        "email=eve@x.fr&password=password",
    );
    send(
        server,
        "POST /sessions",
        &numbered("three"),
        &fields("wrong"),
    );
    send(
        server,
        "POST /sessions",
        &numbered("four"),
        "email=no@x.fr&password=wrong",
    );
    let login = send(
        server,
        "POST /sessions",
        &numbered("five"),
        &fields("long+enough"),
    );
    let id = login.split("\"session_id\":\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    let cookie = |number: &str| format!("Cookie: session_id={id}\r\nX-Request-Id: {number}");
    send(server, "GET /profile", &cookie("six"), "");
    send(server, "DELETE /sessions", &cookie("seven"), "");
    send(server, "DELETE /sessions/", &cookie("eight"), "");
    send(server, "GET /secret/path?a=b", &numbered("nine"), "");
    id
}

/// Stops the server and reads its log as JSON: every line has to be an object.
fn objects(mut server: Server) -> Vec<Value> {
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    let object = |line| match serde_json::from_str(line) {
        Ok(object @ Value::Object(_)) => object,
        Ok(_) | Err(_) => panic!("no JSON object: {line}"),
    };
    log.lines().map(object).collect()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or("-")
}

#[test]
fn r71_r73_events_have_the_fields_of_the_vocabulary() {
    let place = Place::new();
    let server = logging(&place, "json", None);
    life_of_bob(&server);
    let log = objects(server);
    let mut events = Vec::new();
    for line in &log {
        assert!(is_rfc_3339_utc(text(line, "ts")), "{line}");
        for key in ["level", "target", "message"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
        if line["event"].is_string() {
            assert_eq!(text(line, "client_ip"), "127.0.0.1", "{line}");
            // The beginning of a session's digest is enough to follow it.
            let session = line["session"].as_str().map(str::len);
            assert!(session.is_none_or(|length| length == 8), "{line}");
            let keys = ["request_id", "event", "outcome", "reason"];
            let words: Vec<&str> = keys.iter().map(|key| text(line, key)).collect();
            events.push(format!("{} {}", words.join(" "), line["user_id"]));
        }
    }
    assert_eq!(
        events,
        [
            "one user_created success - 1",
            "two user_create_fail failure email_taken null",
            "weak user_create_fail failure password_refused null",
            "three authn_login_fail failure wrong_password 1",
            "four authn_login_fail failure unknown_account null",
            "five authn_login_success success - 1",
            "seven session_ended success logout 1",
        ]
    );
}

#[test]
fn r73_throttled_login_is_an_event_with_its_reason() {
    let place = Place::new();
    let settings = ["--throttle=on", "--throttle-account-free=1"];
    let mut server = Server::start_with(&place, &settings);
    let fields = "email=bob@x.fr&password=wrong";
    for status in ["401", "429"] {
        let answer = send(&server, "POST /sessions", FORM, fields);
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
    }
    let line = server.wait_for("event=excess_rate_limit_exceeded");
    let parts = "outcome=failure reason=throttled limit=account client_ip=127.0.0.1";
    assert!(line.contains("INFO") && line.contains(parts), "{line}");
}

#[test]
fn request_ids_are_unique_across_restarts() {
    let place = Place::new();
    let number = || {
        let server = Server::start(&place);
        let answer = send(&server, "GET /", "X-Nothing: 1", "").to_lowercase();
        let number = answer.split("x-request-id: ").nth(1).unwrap();
        number.split("\r\n").next().unwrap().to_owned()
    };
    assert_ne!(number(), number());
}

fn is_rfc_3339_utc(time: &str) -> bool {
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[test]
fn request_line_has_route_and_user_but_no_path() {
    let place = Place::new();
    let server = logging(&place, "json", None);
    life_of_bob(&server);
    let requests: Vec<String> = objects(server)
        .iter()
        .filter(|line| line["target"] == "bienvenue::access")
        .map(|line| {
            assert_eq!(text(line, "client_ip"), "127.0.0.1", "{line}");
            assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
            let (method, route) = (text(line, "method"), text(line, "route"));
            let (status, user) = (&line["status"], &line["user_id"]);
            format!(
                "{} {method} {route} {status} {user}",
                text(line, "request_id")
            )
        })
        .collect();
    assert_eq!(
        requests,
        [
            "one POST /users 201 1",
            "two POST /users 400 null",
            "weak POST /users 400 null",
            "three POST /sessions 401 null",
            "four POST /sessions 401 null",
            "five POST /sessions 200 1",
            "six GET /profile 200 1",
            "seven DELETE /sessions 200 1",
            "eight DELETE /sessions 403 null",
            "nine GET unknown 404 null",
        ]
    );
}

#[test]
fn in_text_a_line_reads_as_words_and_pairs() {
    let place = Place::new();
    let mut server = logging(&place, "text", None);
    life_of_bob(&server);
    for (line, parts) in [
        (
            "bienvenue::events] logged in",
            "event=authn_login_success outcome=success user_id=1 session=",
        ),
        (
            "bienvenue::access] request method=GET route=/profile",
            "status=200 ms=",
        ),
        (
            "request_id=three",
            "login failed event=authn_login_fail outcome=failure reason=wrong_password user_id=1 \
             client_ip=127.0.0.1 request_id=three",
        ),
    ] {
        let line = server.wait_for(line);
        assert!(line.contains(parts), "{line}");
    }
}

#[test]
fn the_lines_of_requests_can_be_left_out() {
    let place = Place::new();
    let mut server = logging(&place, "text", Some("info,bienvenue::access=off"));
    life_of_bob(&server);
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert!(!log.contains("bienvenue::access"), "{log}");
    assert!(log.contains("event=authn_login_success"), "{log}");
}

#[test]
fn r75_cause_of_a_failure_is_logged_under_its_request_id() {
    let place = Place::new();
    let server = logging(&place, "json", None);
    place.sql("ALTER TABLE users RENAME TO moved");
    let answer = send(&server, "POST /sessions", FORM, "email=a@x.fr&password=p");
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(!answer.contains("users"), "{answer}");
    let number = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap();
    let log = objects(server);
    let failure = log
        .iter()
        .find(|line| line["event"] == "request_failed")
        .unwrap();
    assert_eq!(text(failure, "request_id"), number);
    assert!(text(failure, "reason").contains("users"), "{failure}");
    assert_eq!(failure["level"], "ERROR");
}

#[test]
fn only_a_short_plain_request_id_is_accepted() {
    let place = Place::new();
    let server = Server::start(&place);
    let answered = |headers: &str| {
        let answer = send(&server, "GET /", headers, "");
        let number = answer
            .lines()
            .find_map(|line| line.strip_prefix("x-request-id: "));
        number.unwrap().to_owned()
    };
    let longest = "x".repeat(64);
    for number in ["7", "a.b-c_D", &longest] {
        assert_eq!(answered(&format!("X-Request-Id: {number}")), number);
    }
    for headers in [
        "X-Request-Id: ".to_owned(),
        "X-Request-Id: a b".to_owned(),
        "X-Request-Id: <script>".to_owned(),
        "X-Request-Id: é".to_owned(),
        format!("X-Request-Id: {longest}x"),
        "X-Request-Id: one\r\nX-Request-Id: two".to_owned(),
    ] {
        let number = answered(&headers);
        assert!(
            number.contains('-') && number.len() < 40,
            "{headers}: {number}"
        );
    }
}
