//! The ops listener: metrics and health details.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use rstest::rstest;

use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, PYTHON, Place, eventually, has_python_module};

/// A server with a listener for its operator, and the address of that.
fn observed(place: &Place, arguments: &[&str]) -> (Server, String) {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command
        .env("BIENVENUE_BCRYPT_COST", "4")
        .env("DATABASE_URL", place.url_text())
        .args(["--operator-bind", "127.0.0.1:0"])
        .args(arguments);
    let mut server = Server::spawn(command);
    let line = server.wait_for("ops listener: metrics on http://");
    let address = line.split("http://").nth(1).unwrap();
    let address = address.split('/').next().unwrap().to_owned();
    (server, address)
}

fn get(address: &str, path: &str) -> Response {
    let request = Client::new().get(format!("http://{address}{path}"));
    request.send().unwrap()
}

fn scrape(address: &str) -> String {
    let answer = get(address, "/metrics");
    assert_eq!(answer.status(), 200);
    let kind = answer.headers().get("content-type").unwrap();
    let expected = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(kind, expected);
    let text = answer.text().unwrap();
    // The format requires it: without it, a reader treats the text as truncated.
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    text
}

/// Each sample and its value.
fn samples(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn ask(server: &Server, method: &str, path: &str) -> u16 {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Client::new().request(method, server.url(path));
    request.send().unwrap().status().as_u16()
}

#[rstest]
fn requests_logins_and_sessions_are_counted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let (server, operator) = observed(&place, &["--password-min-length", "3"]);
    assert_eq!(server.post("/users", "bob@x.fr", "bob_pwd").status(), 201);
    assert_eq!(server.post("/users", "BOB@x.fr", "bob_pwd").status(), 400);
    assert_eq!(server.post("/users", "eve@x.fr", "e").status(), 400);
    assert_eq!(
        server.post("/sessions", "bob@x.fr", "bob_pwd").status(),
        200
    );
    assert_eq!(server.post("/sessions/", "bob@x.fr", "wrong").status(), 401);
    assert_eq!(server.post("/sessions", "eve@x.fr", "wrong").status(), 401);
    assert_eq!(ask(&server, "POST", "/sessions"), 415);
    assert_eq!(ask(&server, "GET", "/profile"), 403);

    let text = scrape(&operator);
    let samples = samples(&text);
    let login = r#"method="POST",route="/sessions""#;
    for (name, value) in [
        (format!("http_requests_total{{{login},status=\"200\"}}"), 1),
        (format!("http_requests_total{{{login},status=\"401\"}}"), 2),
        (
            r#"http_requests_total{method="GET",route="/profile",status="403"}"#.to_owned(),
            1,
        ),
        (format!("http_request_duration_seconds_count{{{login}}}"), 4),
        (r#"logins_total{outcome="success"}"#.to_owned(), 1),
        (
            r#"logins_total{outcome="invalid_credentials"}"#.to_owned(),
            2,
        ),
        (r#"logins_total{outcome="malformed"}"#.to_owned(), 1),
        (r#"logins_total{outcome="throttled"}"#.to_owned(), 0),
        (r#"registrations_total{outcome="success"}"#.to_owned(), 1),
        (
            r#"registrations_total{outcome="already_registered"}"#.to_owned(),
            1,
        ),
        (
            r#"registrations_total{outcome="password_refused"}"#.to_owned(),
            1,
        ),
        ("sessions".to_owned(), 1),
        ("hashing_wait_seconds_count".to_owned(), 4),
        ("hashing_refusals_total".to_owned(), 0),
        ("hashing_queue_length".to_owned(), 0),
        ("hashing_queue_max".to_owned(), 128),
        ("hashing_places_taken".to_owned(), 0),
    ] {
        let found = samples.get(&format!("bienvenue_{name}"));
        assert_eq!(found, Some(&value.to_string()), "{name} in {text}");
    }
    let pools: &[(&str, u32)] = match engine {
        Engine::Sqlite => &[("write", 1)],
        Engine::Postgres => &[("all", 8)],
    };
    for (pool, max) in pools {
        let of = |name: &str| -> u32 {
            let sample = format!("bienvenue_db_{name}{{pool=\"{pool}\"}}");
            samples[&sample].parse().unwrap()
        };
        assert_eq!(of("connections_max"), *max);
        assert!(of("connections_in_use") + of("connections_idle") <= *max);
        assert!(of("checkouts_total") >= 2, "{text}");
        assert_eq!(of("checkout_timeouts_total"), 0);
    }
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("bienvenue_build_info{{version=\"{version}\"}}");
    assert_eq!(samples[&build], "1");
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let started: f64 = samples["process_start_time_seconds"].parse().unwrap();
    let age = since - started;
    assert!((0.0..60.0).contains(&age), "{age}");
}

#[test]
fn logins_refused_for_load_are_counted() {
    let place = Place::new();
    let limits = ["--hash-threads=1", "--hash-queue=1", "--bcrypt-cost=10"];
    let (server, operator) = observed(&place, &limits);
    let clients: Vec<_> = (0..12)
        .map(|number| {
            let url = server.url("/sessions");
            thread::spawn(move || {
                let email = format!("user{number}@x.fr");
                let form = [("email", email.as_str()), ("password", "pwd")];
                let answer = Client::new().post(url).form(&form).send().unwrap();
                answer.status().as_u16()
            })
        })
        .collect();
    let answers: Vec<_> = clients.into_iter().map(|c| c.join().unwrap()).collect();
    let refused = answers.iter().filter(|status| **status == 503).count();
    assert!(refused > 0, "{answers:?}");
    let text = scrape(&operator);
    let samples = samples(&text);
    let refused = refused.to_string();
    assert_eq!(samples["bienvenue_hashing_refusals_total"], refused);
    let overloaded = r#"bienvenue_logins_total{outcome="overloaded"}"#;
    assert_eq!(samples[overloaded], refused, "{text}");
}

#[test]
fn client_input_makes_no_metric_labels() {
    let place = Place::new();
    let (server, operator) = observed(&place, &[]);
    // The counts after one request for each known path and method.
    for path in ["/", "/users", "/nix"] {
        for verb in ["GET", "BREW"] {
            ask(&server, verb, path);
        }
    }
    let before = samples(&scrape(&operator)).len();
    for number in 0..50 {
        ask(&server, "GET", &format!("/nix{number}?session_id={number}"));
        ask(&server, &format!("BREW{number}"), "/users/");
        ask(&server, "GET", &format!("/?n={number}"));
        server.post(&format!("/users/{number}/"), "bob@x.fr", "bob_pwd");
    }
    let text = scrape(&operator);
    let names: Vec<_> = samples(&text).into_keys().collect();
    // The verb that was not seen before: a count, and a histogram of 14 buckets, count and sum.
    assert_eq!(names.len() - before, 17, "{text}");
    for line in text.lines() {
        assert!(!line.contains("nix") && !line.contains("BREW"), "{line}");
    }
    let unknown = r#"bienvenue_http_requests_total{method="GET",route="unknown",status="404"}"#;
    assert!(text.contains(unknown), "{text}");
}

#[test]
fn throttled_requests_are_counted() {
    let place = Place::new();
    // The shortest wait, a second of the clock, may be over after a moment.
    let settings = ["--throttle=on", "--throttle-account-limit=1"];
    let (server, operator) = observed(&place, &settings);
    assert_eq!(server.post("/sessions", "bob@x.fr", "wrong").status(), 401);
    assert_eq!(server.post("/sessions", "bob@x.fr", "wrong").status(), 429);
    let samples = samples(&scrape(&operator));
    for (outcome, value) in [("throttled", "1"), ("failed", "0")] {
        let name = format!("bienvenue_logins_total{{outcome=\"{outcome}\"}}");
        assert_eq!(samples[&name], value, "{name}");
    }
}

#[test]
fn f21_metrics_count_queued_and_finished_mails() {
    let place = Place::new();
    std::fs::write(place.path("mail"), "a file where the folder should be").unwrap();
    let (server, operator) = observed(&place, &[]);
    let sample = |name: &str| samples(&scrape(&operator))[&format!("bienvenue_{name}")].clone();
    assert_eq!(sample("mails_waiting"), "0");
    assert_eq!(sample("mails_waiting_oldest_seconds"), "0.0");
    server.post("/users", "bob@x.fr", "bob_pwd");
    server.post("/reset_password", "bob@x.fr", "");
    assert_eq!(sample("mails_waiting"), "1");
    place.sql("UPDATE outbox SET created_at = created_at - 1000");
    let age: f64 = sample("mails_waiting_oldest_seconds").parse().unwrap();
    assert!((1000.0..1100.0).contains(&age), "{age}");
    std::fs::remove_file(place.path("mail")).unwrap();
    eventually("an empty outbox", || sample("mails_waiting") == "0");
    for (outcome, count) in [("sent", "1"), ("refused", "0"), ("given_up", "0")] {
        let name = format!("mails_total{{outcome=\"{outcome}\"}}");
        assert_eq!(sample(&name), count, "{name}");
    }
}

#[test]
fn a_scrape_counts_the_valid_sessions() {
    let place = Place::new();
    let (server, operator) = observed(&place, &[]);
    let sessions = || samples(&scrape(&operator))["bienvenue_sessions"].clone();
    assert_eq!(sessions(), "0");
    server.post("/users", "bob@x.fr", "bob_pwd");
    assert_eq!(
        server.post("/sessions", "bob@x.fr", "bob_pwd").status(),
        200
    );
    assert_eq!(sessions(), "1");
    place.sql("UPDATE sessions SET expires_at = 1");
    assert_eq!(sessions(), "0");
}

#[test]
fn a_scrape_counts_the_second_factors() {
    let place = Place::new();
    let (server, operator) = observed(&place, &[]);
    for (name, confirmed) in [("bob", "1"), ("ann", "1"), ("eve", "NULL")] {
        let email = format!("{name}@x.fr");
        server.post("/users", &email, "bob_pwd");
        place.sql(&format!(
            "INSERT INTO totp (user_id, secret, created_at, confirmed_at) \
             SELECT id, 'sealed', 1, {confirmed} FROM users WHERE email = '{email}'"
        ));
        place.sql(&format!(
            "INSERT INTO passkeys (user_id, rp_id, credential_id, user_handle, public_key, \
             sign_count, backup_eligible, backed_up, transports, name, created_at) \
             SELECT id, 'localhost', '{name}', 'handle', 'key', 0, 0, 0, '', 'phone', 1 \
             FROM users WHERE email = '{email}'"
        ));
    }
    let samples = samples(&scrape(&operator));
    for (kind, count) in [("totp", "2"), ("passkey", "3")] {
        let name = format!("bienvenue_second_factors{{kind=\"{kind}\"}}");
        assert_eq!(samples[&name], count, "{name}");
    }
}

#[test]
fn metrics_pass_the_strict_parser_of_prometheus() {
    if !has_python_module("prometheus_client.openmetrics", "python3-prometheus-client") {
        return;
    }
    let place = Place::new();
    let (server, operator) = observed(&place, &[]);
    server.post("/users", "bob@x.fr", "bob_pwd");
    server.post("/sessions", "bob@x.fr", "bob_pwd");
    let program = "import sys\n\
                   from prometheus_client.openmetrics import parser\n\
                   print(sum(1 for f in parser.text_string_to_metric_families(sys.stdin.read())))";
    let mut parser = Command::new(PYTHON)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = scrape(&operator);
    let mut stdin = parser.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let read = parser.wait_with_output().unwrap();
    let told = told(&read);
    assert!(read.status.success(), "{told}\n{text}");
    let families = text.lines().filter(|line| line.starts_with("# TYPE "));
    let counted = String::from_utf8(read.stdout).unwrap();
    assert_eq!(counted.trim(), families.count().to_string());
}

#[test]
fn r65_metrics_are_on_the_ops_listener_only() {
    let place = Place::new();
    let (server, operator) = observed(&place, &[]);
    assert_eq!(ask(&server, "GET", "/metrics"), 404);
    for path in ["/", "/profile", "/users", "/sessions", "/verify"] {
        assert_eq!(get(&operator, path).status(), 404, "{path}");
    }
    let bare = get(&server.address, "/healthz").text().unwrap();
    assert_eq!(bare.trim(), r#"{"message":"serving"}"#);
    let detailed: serde_json::Value = get(&operator, "/healthz").json().unwrap();
    assert_eq!(detailed["message"], "serving");
    assert_eq!(detailed["version"], env!("CARGO_PKG_VERSION"));
    assert!(detailed["started_at"].as_u64().unwrap() > 1_700_000_000);

    assert_eq!(get(&operator, "/readyz").status(), 200);
    place.sql("DELETE FROM __diesel_schema_migrations");
    let public = get(&server.address, "/readyz");
    assert_eq!(public.status(), 503);
    let public = public.text().unwrap();
    assert!(!public.contains("schema"), "{public}");
    let detailed = get(&operator, "/readyz");
    assert_eq!(detailed.status(), 503);
    let detailed: serde_json::Value = detailed.json().unwrap();
    assert_eq!(detailed["message"], "not ready");
    assert!(detailed["cause"].as_str().unwrap().contains("schema"));
}

#[test]
fn ops_listener_needs_its_setting_and_a_free_port() {
    let place = Place::new();
    let mut server = Server::start(&place);
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!server.whole_log().contains("operator"));

    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let arguments = ["--bind", "127.0.0.1:0", "--operator-bind", &taken];
    let refused = finish(program(place.folder(), &arguments));
    assert_eq!(refused.status.code(), Some(1));
    let told = told(&refused);
    assert!(told.contains("choose another --operator-bind"), "{told}");
}

#[test]
fn the_last_requests_can_be_watched() {
    let place = Place::new();
    // The hash takes minutes, so that the registration is in flight until the server is killed.
    let settings = ["--bcrypt-cost=22", "--hash-deadline=1day"];
    let (mut server, operator) = observed(&place, &settings);
    let mut registration = TcpStream::connect(&server.address).unwrap();
    let body = "email=bob@x.fr&password=bob_pwd";
    write!(
        registration,
        "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let permits = || samples(&scrape(&operator))["bienvenue_hashing_places_taken"].clone();
    eventually("a registration in flight", || permits() == "1");
    server.signal("TERM");
    server.wait_for("SIGTERM");
    eventually("new connections are refused", || {
        TcpStream::connect(&server.address).is_err()
    });
    assert_eq!(permits(), "1");
}

#[test]
fn shutdown_works_with_an_open_ops_connection() {
    let place = Place::new();
    let (mut server, operator) = observed(&place, &[]);
    server.post("/users", "bob@x.fr", "bob_pwd");
    // A connection that is kept open does not hold up the end.
    let client = Client::new();
    let metrics = client.get(format!("http://{operator}/metrics"));
    assert_eq!(metrics.send().unwrap().status(), 200);
    server.signal("TERM");
    assert!(server.wait().success());
    eventually("the log beside the file is gone", || {
        !place.path("bienvenue.db-wal").exists()
    });
}
